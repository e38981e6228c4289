#include "broker/retention_text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "trainbus/topic.hpp"

namespace trainbus {
namespace {

// The number before the unit; NaN where there is none.
double read_amount(std::string_view text, std::string_view& unit) {
  double amount = NAN;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount, std::chars_format::fixed);
  if (error != std::errc{}) return NAN;
  unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return amount;
}

double times_of(std::string_view unit, std::string_view units, double base) {
  const auto at = unit.size() == 1 ? units.find(unit) : std::string_view::npos;
  return at == std::string_view::npos ? NAN : std::pow(base, static_cast<double>(at + 1));
}

}  // namespace

std::int64_t parse_retained_age(const std::string& text) {
  constexpr double kMs = 1000;
  constexpr double kMost = 100 * 365.25 * 86'400 * kMs;
  std::string_view unit;
  double ms = read_amount(text, unit) * kMs;
  ms *= unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : NAN;
  if (!(ms >= kMs && ms <= kMost))
    throw std::invalid_argument("'" + text + "' is not a time from 1s to 36525d, such as 45m, 12h or 30d");
  return static_cast<std::int64_t>(ms);
}

std::uint64_t parse_retained_bytes(const std::string& text) {
  constexpr double kLeast = 1 << 20;
  constexpr double kMost = 1e15;
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char letter) { return std::tolower(letter); });
  std::string_view unit;
  double bytes = read_amount(lower, unit);
  if (unit.size() > 1 && (unit.substr(1) == "b" || unit.substr(1) == "ib")) unit = unit.substr(0, 1);
  if (!unit.empty() && unit != "b") bytes *= times_of(unit, "kmgt", 1024);
  if (!(bytes >= kLeast && bytes <= kMost))
    throw std::invalid_argument("'" + text + "' is not a size from 1M up, such as 500M or 10G");
  return static_cast<std::uint64_t>(bytes);
}

void check_archive_name(const std::string& text) {
  if (!valid_name(text)) throw std::invalid_argument("'" + text + "' is not a name, [A-Za-z0-9._-]{1,64}");
}

}  // namespace trainbus
