#include "picture.hpp"

#include <cstring>

namespace trainbus {

bool Picture::copy(const std::uint8_t* from, int columns, int rows, int samples, std::size_t row_bytes, int max_side) {
  const bool size_ok =
      columns > 0 && columns <= max_side && rows > 0 && rows <= max_side && (samples == 1 || samples == 3);
  if (!size_ok || from == nullptr) return false;
  const std::size_t packed = static_cast<std::size_t>(columns) * samples;
  if (row_bytes == 0) row_bytes = packed;
  if (row_bytes < packed) return false;
  pixels.resize(packed * rows);
  if (row_bytes == packed) {
    std::memcpy(pixels.data(), from, packed * rows);
  } else {
    for (int row = 0; row < rows; ++row)
      std::memcpy(pixels.data() + row * packed, from + row * row_bytes, packed);
  }
  width = columns;
  height = rows;
  channels = samples;
  return true;
}

}  // namespace trainbus
