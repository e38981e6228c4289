#pragma once
// Columns of a browser's list beyond the usual ones.

#include <cstddef>
#include <functional>
#include <set>
#include <string>

namespace trainbus {

// "value:NAME" is a named value, "parameter:NAME" a parameter of the plan.
using ListColumns = std::set<std::string, std::less<>>;
inline constexpr std::size_t kMaxColumns = 32;  // of one browser

}  // namespace trainbus
