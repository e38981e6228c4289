#pragma once

#include <spdlog/fmt/fmt.h>

#include <iostream>
#include <mutex>

namespace trainbus {

// One whole line on stdout, flushed. Any thread.
template <typename... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
  const std::string line = fmt::format(format, std::forward<Values>(values)...) + '\n';
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  std::cout << line << std::flush;
}

}  // namespace trainbus
