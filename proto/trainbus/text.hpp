#pragma once
// Text that travels in messages. A string that is not UTF-8 makes a message that its receiver cannot parse.

#include <cstddef>
#include <string>
#include <string_view>

namespace trainbus {

// The longest front of UTF-8 text within `max_bytes` that ends between two characters. Valid for as long as `text` is.
std::string_view clipped(std::string_view text, std::size_t max_bytes);

// How many bytes the UTF-8 character at the front of non-empty `text` has; 0 when it is none (overlong, surrogate, cut,
// above U+10FFFF; RFC 3629).
std::size_t utf8_character_bytes(std::string_view text);

// `text` with every byte that is not part of valid UTF-8 replaced by '?', cut at a character within `max_bytes`.
std::string clean_text(std::string_view text, std::size_t max_bytes);

// The shortest text that reads back as the same number; "NaN", "Infinity" and "-Infinity" as in protobuf's JSON.
std::string number_text(double value);

}  // namespace trainbus
