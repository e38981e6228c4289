#pragma once
// Files of pictures as 8-bit RGB, with the values that Pillow's convert("RGB") and OpenCV's IMREAD_COLOR give.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

struct ImageSize {
  int width = 0;
  int height = 0;
};

struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // rows of interleaved RGB
};

// Reads a JPEG, PNG, WebP, TIFF, BMP or binary PPM or PGM file, told apart by its first bytes and not by its name.
// No colour management: gamma, profiles and a turned camera's note are not looked at, of 16 bits the upper 8 are taken,
// transparency is dropped. Throws std::runtime_error with a reason that does not name the file: it cannot be read, is
// of another format (by its name where it is a known one), is damaged, cut off or over 100 million pixels.
RgbImage read_image_file(const std::string& path);

// The same of what such a file has in it.
RgbImage decode_image(std::string_view bytes);
ImageSize decode_image_size(std::string_view bytes);

// Only what the file says of its size, the rest may be damaged. Errors as above.
ImageSize read_image_size(const std::string& path);

}  // namespace trainbus
