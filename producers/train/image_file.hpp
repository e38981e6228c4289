#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trainbus {

struct RgbImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;  // rows of interleaved RGB
};

// Reads a JPEG or PNG file of any colour type, told apart by its first bytes; transparency is put on black. Throws
// std::runtime_error with one line that names the file: absent, neither of the two, damaged, or over 8192 pixels.
RgbImage read_image_file(const std::string& path);

}  // namespace trainbus
