#pragma once
// The tiles of a batch to JPEG.

#include "picture_encoder.hpp"
#include "tile_slot.hpp"

namespace trainbus {

// Single-threaded. All tiles of a batch get the same settings and the standard Huffman tables, because a dashboard
// joins the sixteen JPEGs of a batch into one: 4:4:4 when no tile is longer than 64 pixels, else 4:2:0; grey ones have
// no chroma.
class TileEncoder {
 public:
  // quality 1..100.
  explicit TileEncoder(int quality) : quality_(quality) {}

  // Writes the tiles into `batch` as images, predictions and ground truth. Tiles longer than `max_pixels` are shrunk
  // (area); none is scaled up. False when the compressor refused one; `batch` is then incomplete.
  [[nodiscard]] bool encode(const TileSet& tiles, int max_pixels, v1::BatchData& batch);

 private:
  const int quality_;
  PictureEncoder encoder_;
};

}  // namespace trainbus
