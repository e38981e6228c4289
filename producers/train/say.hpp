#pragma once

#include <spdlog/fmt/fmt.h>

#include <cstdio>
#include <string>

namespace trainbus {

// One whole line on stdout, flushed. Any thread.
template <typename... Values>
void say(fmt::format_string<Values...> format, Values&&... values) {
  const std::string line = fmt::format(format, std::forward<Values>(values)...) + '\n';
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

}  // namespace trainbus
