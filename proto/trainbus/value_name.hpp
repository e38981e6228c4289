#pragma once
// Names of values, media and knobs, and how many of them there may be.

#include <cstddef>
#include <string>
#include <string_view>

namespace trainbus {

inline constexpr std::size_t kMaxValueNameBytes = 128;
// Names in one record, and names that one trainer's SDK gives out: the next ones are refused and counted.
inline constexpr std::size_t kMaxValueNames = 2000;

// A value's name: UTF-8 of 1 to 128 bytes without control characters (C0, DEL, C1). '/' groups: val/iou.
[[nodiscard]] bool valid_value_name(std::string_view name);

// The part before the first '/', which is the chart group; "" when there is none.
std::string_view value_group(std::string_view name);

// One line for a person: what is wrong with this name, which may be of any bytes and any length.
std::string value_name_problem(std::string_view name);

}  // namespace trainbus
