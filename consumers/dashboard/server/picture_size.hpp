#pragma once
// What a picture says of itself in its own bytes: a message may say another size, and a browser believes the picture.
// Pure; hostile bytes give an empty optional.

#include <cstdint>
#include <optional>
#include <string_view>

namespace trainbus {

struct PictureFacts {
  std::string_view content_type;  // "image/jpeg" or "image/png"
  std::uint32_t width = 0;        // pixels
  std::uint32_t height = 0;
};

// `at` is within the bytes.
inline std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

// Empty for what is neither a JPEG nor a PNG with a size.
std::optional<PictureFacts> picture_facts(std::string_view bytes);

}  // namespace trainbus
