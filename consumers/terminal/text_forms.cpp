#include "text_forms.hpp"

#include <cmath>
#include <cstdio>
#include <ctime>

#include "trainbus/text.hpp"

namespace trainbus {
namespace {

std::string formatted(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string local_time(const char* format, std::int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &local)};
}

}  // namespace

std::string figure_text(double value) {
  if (!std::isfinite(value)) return number_text(value);
  return formatted("%.4g", value);
}

std::string duration_text(double seconds) {
  if (seconds < 1) return formatted("%.0f ms", seconds * 1000);
  if (seconds < 10) return formatted("%.1f s", seconds);
  if (seconds < 120) return formatted("%.0f s", seconds);
  if (seconds < 7200) return formatted("%.0f min", seconds / 60);
  if (seconds < 172'800) return formatted("%.1f h", seconds / 3600);
  return formatted("%.0f d", seconds / 86'400);
}

std::string clock_text(std::int64_t unix_ms) { return local_time("%H:%M:%S", unix_ms); }

std::string date_text(std::int64_t unix_ms) { return local_time("%Y-%m-%d %H:%M:%S", unix_ms); }

std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return clean;
}

}  // namespace trainbus
