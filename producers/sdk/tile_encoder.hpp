#pragma once
// Pixels to JPEG.

#include <cstdint>
#include <vector>

#include "tile_slot.hpp"
#include "trainbus.pb.h"

namespace trainbus {

// Single-threaded; owns a compressor and its buffers, so nothing is allocated once they have grown.
// All tiles of a batch get the same settings and the standard Huffman tables, because a dashboard joins the sixteen
// JPEGs of a batch into one: 4:4:4 when no tile is longer than 64 pixels, else 4:2:0; grey ones have no chroma.
class TileEncoder {
 public:
  // quality 1..100.
  explicit TileEncoder(int quality);
  ~TileEncoder();
  TileEncoder(const TileEncoder&) = delete;
  TileEncoder& operator=(const TileEncoder&) = delete;

  // Writes the tiles into `batch` as images, predictions and ground truth. Tiles longer than `max_pixels` are shrunk
  // (area); none is scaled up. False when the compressor refused one; `batch` is then incomplete.
  [[nodiscard]] bool encode(const TileSet& tiles, int max_pixels, v1::BatchData& batch);

 private:
  bool encode_tile(const TileSet::Tile& tile, int width, int height, bool full_chroma, v1::ImageData& image);

  int quality_;
  void* compressor_;
  std::vector<unsigned char> jpeg_;
  std::vector<std::uint8_t> shrunk_;
};

}  // namespace trainbus
