#include "picture_encoder.hpp"

#include <libyuv/planar_functions.h>
#include <libyuv/scale.h>
#include <turbojpeg.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace trainbus {
namespace {

struct Size {
  int width;
  int height;
};

// Longer side at most `max_pixels`, the other never below 1.
Size shrunk_size(const Picture& picture, int max_pixels) {
  const int longer = picture.longer_side();
  if (longer <= max_pixels) return {picture.width, picture.height};
  const double scale = static_cast<double>(max_pixels) / longer;
  return {std::max(1, static_cast<int>(std::lround(picture.width * scale))),
          std::max(1, static_cast<int>(std::lround(picture.height * scale)))};
}

}  // namespace

PictureEncoder::PictureEncoder() : compressor_(tjInitCompress()) {}

PictureEncoder::~PictureEncoder() {
  if (compressor_ != nullptr) tjDestroy(compressor_);
}

// By area: each pixel is the mean of those it stands for. libyuv does so for one channel at a time.
void PictureEncoder::shrink(const Picture& picture, int width, int height) {
  const std::size_t before = static_cast<std::size_t>(picture.width) * picture.height;
  const std::size_t after = static_cast<std::size_t>(width) * height;
  shrunk_.resize(after * picture.channels);
  const auto scale = [&](const std::uint8_t* from, std::uint8_t* to) {
    libyuv::ScalePlane(from, picture.width, picture.width, picture.height, to, width, width, height,
                       libyuv::kFilterBox);
  };
  if (picture.channels == 1) return scale(picture.pixels.data(), shrunk_.data());
  planes_.resize(3 * (before + after));
  const std::array<std::uint8_t*, 3> from{planes_.data(), planes_.data() + before, planes_.data() + 2 * before};
  std::uint8_t* const small = planes_.data() + 3 * before;
  const std::array<std::uint8_t*, 3> to{small, small + after, small + 2 * after};
  libyuv::SplitRGBPlane(picture.pixels.data(), 3 * picture.width, from[0], picture.width, from[1], picture.width,
                        from[2], picture.width, picture.width, picture.height);
  for (std::size_t channel = 0; channel < from.size(); ++channel)
    scale(from[channel], to[channel]);
  libyuv::MergeRGBPlane(to[0], width, to[1], width, to[2], width, shrunk_.data(), 3 * width, width, height);
}

bool PictureEncoder::encode(const Picture& picture, int max_pixels, int quality, bool full_chroma,
                            v1::ImageData& image) {
  const auto [width, height] = shrunk_size(picture, max_pixels);
  const std::uint8_t* pixels = picture.pixels.data();
  if (width != picture.width || height != picture.height) {
    shrink(picture, width, height);
    pixels = shrunk_.data();
  }
  const bool grey = picture.channels == 1;
  const int chroma = grey ? TJSAMP_GRAY : full_chroma ? TJSAMP_444 : TJSAMP_420;
  const unsigned long bound = tjBufSize(width, height, chroma);
  if (jpeg_.size() < bound) jpeg_.resize(bound);
  unsigned char* jpeg = jpeg_.data();
  unsigned long jpeg_bytes = jpeg_.size();
  if (compressor_ == nullptr || tjCompress2(compressor_, pixels, width, 0, height, grey ? TJPF_GRAY : TJPF_RGB, &jpeg,
                                            &jpeg_bytes, chroma, std::clamp(quality, 1, 100), TJFLAG_NOREALLOC) != 0)
    return false;
  image.set_image_bytes(jpeg, jpeg_bytes);
  image.set_format("jpeg");
  image.set_width(width);
  image.set_height(height);
  image.set_channels(picture.channels);
  return true;
}

}  // namespace trainbus
