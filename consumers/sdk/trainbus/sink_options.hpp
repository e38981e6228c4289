#pragma once
// The options of one sink, by name.

#include <charconv>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "trainbus/sink.h"

namespace trainbus {

// A view: options and values outlive it. Each reader throws std::invalid_argument with one line that names the option
// and its value when that is not of the wanted form; std::logic_error for a name that is not declared.
class SinkOptions {
 public:
  SinkOptions(const trainbus_sink_option* options, const char* const* values) : options_(options), values_(values) {}

  std::string text(std::string_view name) const { return values_[index(name)]; }
  std::uint64_t number(std::string_view name, std::uint64_t least, std::uint64_t most) const {
    const auto value = text(name);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < least || number > most)
      refuse(name, "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return number;
  }
  // "4096", "64K", "100M", "10G" (powers of 1024); at most 1024 T.
  std::uint64_t bytes(std::string_view name) const {
    constexpr std::string_view kUnits = "KMGT";
    const auto value = text(name);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(value.data() + value.size() - end));
    const std::size_t power = unit.size() == 1 ? kUnits.find(unit) + 1 : 0;  // 0 also when it is not found
    if (error != std::errc() || (!unit.empty() && power == 0) || number > std::uint64_t{1} << (50 - 10 * power))
      refuse(name, "must be bytes as 4096, 64K, 100M or 10G");
    return number << (10 * power);
  }
  // "250ms", "10s", "5m", "1h", "7d".
  std::chrono::milliseconds duration(std::string_view name) const {
    const auto value = text(name);
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
    const std::string_view unit(end, static_cast<std::size_t>(value.data() + value.size() - end));
    const std::int64_t scale = unit == "ms"  ? 1
                               : unit == "s" ? 1'000
                               : unit == "m" ? 60'000
                               : unit == "h" ? 3'600'000
                               : unit == "d" ? 86'400'000
                                             : 0;
    if (error != std::errc() || scale == 0 || count > 1'000'000)
      refuse(name, "must be a time as 250ms, 10s, 5m, 1h or 7d");
    return std::chrono::milliseconds(static_cast<std::int64_t>(count) * scale);
  }
  bool flag(std::string_view name) const { return choice(name, {"no", "yes"}) == "yes"; }
  // One of these words.
  std::string choice(std::string_view name, std::initializer_list<std::string_view> words) const {
    const auto value = text(name);
    std::string known;
    for (const auto word : words) {
      if (value == word) return value;
      known.append(known.empty() ? "" : ", ").append(word);
    }
    refuse(name, "must be one of " + known);
  }
  // The first line of the file that the option names, as a password; "" when it names none. Throws std::runtime_error
  // with one line. To be called in each open(), so that a new password counts.
  std::string line_of_file(std::string_view name) const {
    const auto path = text(name);
    if (path.empty()) return {};
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line) || line.empty())
      throw std::runtime_error(std::string(name) + " '" + path + "': has no first line that can be read");
    if (line.back() == '\r') line.pop_back();
    return line;
  }
  // Throws: the value of this option is bad, for this reason.
  [[noreturn]] void refuse(std::string_view name, const std::string& reason) const {
    const auto i = index(name);
    const std::string shown = options_[i].secret != 0 ? "" : std::string(" '").append(values_[i]).append(1, '\'');
    throw std::invalid_argument(std::string(name) + shown + ": " + reason);
  }

 private:
  std::size_t index(std::string_view name) const {
    for (std::size_t i = 0; options_[i].name != nullptr; ++i)
      if (options_[i].name == name) return i;
    throw std::logic_error("no option " + std::string(name) + " is declared");
  }
  const trainbus_sink_option* options_;
  const char* const* values_;
};

}  // namespace trainbus
