#include "picture_encoder.hpp"

#include <turbojpeg.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

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

bool PictureEncoder::encode(const Picture& picture, int max_pixels, int quality, bool full_chroma,
                            v1::ImageData& image) {
  const auto [width, height] = shrunk_size(picture, max_pixels);
  const std::uint8_t* pixels = picture.pixels.data();
  if (width != picture.width || height != picture.height) {
    const int type = CV_8UC(picture.channels);
    shrunk_.resize(static_cast<std::size_t>(width) * height * picture.channels);
    const cv::Mat from(picture.height, picture.width, type, const_cast<std::uint8_t*>(picture.pixels.data()));
    cv::Mat to(height, width, type, shrunk_.data());
    cv::resize(from, to, to.size(), 0, 0, cv::INTER_AREA);
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
