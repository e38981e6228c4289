#pragma once
// Sixteen JPEGs are one JPEG: tiles encoded alike become one vertical strip at the cost of a copy, without decoding.
//
// The first tile's headers, with the strip's height in SOF0 and a restart interval (DRI) of one tile, then the tiles'
// entropy-coded segments with RST0..7 between them (ITU T.81, B.2 and E.1.4). A tile is padded to whole MCU rows, so
// tile i starts at row i * strip_rows. With 4:4:4 the strip decodes to the tiles' pixels bit for bit; with 4:2:0 the
// two rows at a seam differ a little (chroma interpolation).

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "trainbus.pb.h"

namespace trainbus {

struct TileStrip {
  std::string jpeg;
  int tile_width = 0;
  int tile_height = 0;
  int rows_per_tile = 0;
};

// Empty unless all tiles are baseline JPEGs whose headers (size, subsampling, quantisation and Huffman tables) are the
// same byte for byte, without restart intervals of their own. Any bytes are safe.
std::optional<TileStrip> join_tiles(std::span<const std::string_view> jpegs);

// Replaces the images of a tiles message by their strip, where that can be done: false and unchanged otherwise.
bool join_images(v1::BatchData& batch);

}  // namespace trainbus
