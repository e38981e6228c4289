#pragma once
// Text that travels in messages. A string that is not UTF-8 makes a message that its receiver cannot parse.

#include <cstddef>
#include <string_view>

namespace trainbus {

// The longest front of UTF-8 text within `max_bytes` that ends between two characters. Valid for as long as `text` is.
std::string_view clipped(std::string_view text, std::size_t max_bytes);

}  // namespace trainbus
