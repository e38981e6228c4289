#include "tile_encoder.hpp"

#include <algorithm>

#include "record_encoder.hpp"

namespace trainbus {
namespace {

constexpr int kFullChromaTilePixels = 64;

}  // namespace

bool TileEncoder::encode(const TileSet& tiles, int max_pixels, v1::BatchData& batch) {
  const int limit = std::clamp(max_pixels, 1, kMaxImagePixels);
  int longest = 0;
  for (int i = 0; i < tiles.count(); ++i)
    longest = std::max(longest, std::min(tiles.tile(i).picture.longer_side(), limit));
  for (int i = 0; i < tiles.count(); ++i) {
    const TileSet::Tile& tile = tiles.tile(i);
    v1::ImageData& image = *batch.add_images();
    if (!encoder_.encode(tile.picture, limit, quality_, longest <= kFullChromaTilePixels, image)) return false;
    image.set_image_id(tile.image_id);
    write_prediction(tile.prediction, *batch.add_predictions());
    batch.add_ground_truth(tile.truth);
  }
  return true;
}

}  // namespace trainbus
