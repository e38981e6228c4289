#include "picture_size.hpp"

namespace trainbus {
namespace {

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i)
    value = value << 8 | byte_at(bytes, at + i);
  return value;
}

std::optional<PictureFacts> sized(std::string_view type, std::uint32_t width, std::uint32_t height) {
  if (width == 0 || height == 0) return std::nullopt;
  return PictureFacts{type, width, height};
}

// Signature, then the IHDR chunk: length, name, width, height.
std::optional<PictureFacts> png_facts(std::string_view bytes) {
  if (bytes.size() < 24 || bytes.substr(12, 4) != "IHDR") return std::nullopt;
  return sized("image/png", big_endian(bytes, 16, 4), big_endian(bytes, 20, 4));
}

// Segments of (0xFF, marker, length) up to the first frame header: precision, height, width.
std::optional<PictureFacts> jpeg_facts(std::string_view bytes) {
  for (std::size_t at = 2; at + 9 <= bytes.size();) {
    if (byte_at(bytes, at) != 0xFF) return std::nullopt;
    const std::uint8_t marker = byte_at(bytes, at + 1);
    if (marker == 0xFF) {  // padding
      ++at;
      continue;
    }
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame) return sized("image/jpeg", big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2));
    if (marker == 0xDA || marker < 0xC0) return std::nullopt;  // the scan came first, or no segment
    const std::size_t length = big_endian(bytes, at + 2, 2);
    if (length < 2) return std::nullopt;
    at += 2 + length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<PictureFacts> picture_facts(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) return png_facts(bytes);
  if (bytes.starts_with("\xff\xd8")) return jpeg_facts(bytes);
  return std::nullopt;
}

}  // namespace trainbus
