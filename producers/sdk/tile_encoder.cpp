#include "tile_encoder.hpp"

#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "record_encoder.hpp"

namespace trainbus {
namespace {

constexpr int kFullChromaPixels = 64;

struct Size {
  int width;
  int height;
};

// The size of a tile after shrinking: longer side at most `max_pixels`, never below 1.
Size shrunk_size(const TileSet::Tile& tile, int max_pixels) {
  const int longer = std::max(tile.width, tile.height);
  if (longer <= max_pixels) return {tile.width, tile.height};
  const double scale = static_cast<double>(max_pixels) / longer;
  return {std::max(1, static_cast<int>(std::lround(tile.width * scale))),
          std::max(1, static_cast<int>(std::lround(tile.height * scale)))};
}

}  // namespace

TileEncoder::TileEncoder(int quality) : quality_(std::clamp(quality, 1, 100)), compressor_(tjInitCompress()) {}

TileEncoder::~TileEncoder() {
  if (compressor_ != nullptr) tjDestroy(compressor_);
}

bool TileEncoder::encode(const TileSet& tiles, int max_pixels, v1::BatchData& batch) {
  const int limit = std::clamp(max_pixels, 1, kMaxImagePixels);
  int longest = 0;
  for (int i = 0; i < tiles.count(); ++i)
    longest = std::max({longest, std::min(tiles.tile(i).width, limit), std::min(tiles.tile(i).height, limit)});
  for (int i = 0; i < tiles.count(); ++i) {
    const TileSet::Tile& tile = tiles.tile(i);
    const Size size = shrunk_size(tile, limit);
    if (!encode_tile(tile, size.width, size.height, longest <= kFullChromaPixels, *batch.add_images())) return false;
    write_prediction(tile.prediction, *batch.add_predictions());
    batch.add_ground_truth(tile.truth);
  }
  return true;
}

bool TileEncoder::encode_tile(const TileSet::Tile& tile, int width, int height, bool full_chroma,
                              v1::ImageData& image) {
  const std::uint8_t* pixels = tile.pixels.data();
  if (width != tile.width || height != tile.height) {
    const int type = CV_8UC(tile.channels);
    shrunk_.resize(static_cast<std::size_t>(width) * height * tile.channels);
    const cv::Mat from(tile.height, tile.width, type, const_cast<std::uint8_t*>(tile.pixels.data()));
    cv::Mat to(height, width, type, shrunk_.data());
    cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
    pixels = shrunk_.data();
  }
  const bool grey = tile.channels == 1;
  const int chroma = grey ? TJSAMP_GRAY : full_chroma ? TJSAMP_444 : TJSAMP_420;
  const unsigned long bound = tjBufSize(width, height, chroma);
  if (jpeg_.size() < bound) jpeg_.resize(bound);
  unsigned char* jpeg = jpeg_.data();
  unsigned long jpeg_bytes = jpeg_.size();
  if (compressor_ == nullptr || tjCompress2(compressor_, pixels, width, 0, height, grey ? TJPF_GRAY : TJPF_RGB, &jpeg,
                                            &jpeg_bytes, chroma, quality_, TJFLAG_NOREALLOC) != 0)
    return false;
  image.set_image_bytes(jpeg, jpeg_bytes);
  image.set_format("jpeg");
  image.set_width(width);
  image.set_height(height);
  image.set_channels(tile.channels);
  image.set_image_id(tile.image_id);
  return true;
}

}  // namespace trainbus
