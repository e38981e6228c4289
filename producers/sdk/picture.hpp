#pragma once
// Pixels that were handed in, copied.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace trainbus {

// Rows are packed; channels 1 (grey) or 3 (RGB, interleaved). The buffer is kept when it is filled again.
struct Picture {
  std::vector<std::uint8_t> pixels;
  int width = 0;
  int height = 0;
  int channels = 0;

  int longer_side() const { return std::max(width, height); }
  // `row_bytes` from row to row, 0: packed. False, and nothing changed, when a size is out of range.
  bool copy(const std::uint8_t* from, int width, int height, int channels, std::size_t row_bytes, int max_side);
};

}  // namespace trainbus
