#pragma once
// Figures as people read them in a terminal.

#include <cstdint>
#include <string>
#include <string_view>

namespace trainbus {

// 4 significant digits: "0.0123", "1.234e-05"; "NaN", "Infinity", "-Infinity" as everywhere (trainbus/text.hpp).
std::string figure_text(double value);
// "850 ms", "7.2 s", "12 min", "3.5 h", "2 d".
std::string duration_text(double seconds);
// Local time of day "14:05:11".
std::string clock_text(std::int64_t unix_ms);
// Local date and time "2026-11-23 14:05:11".
std::string date_text(std::int64_t unix_ms);
// Without what could move the cursor or colour the terminal: control characters become '?'.
std::string printable(std::string_view text);

}  // namespace trainbus
