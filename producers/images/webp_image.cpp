#include <webp/decode.h>

#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {

RgbImage decode_webp(std::string_view bytes, Decode what) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (const auto status = WebPGetFeatures(data, bytes.size(), &features); status != VP8_STATUS_OK)
    throw std::runtime_error(status == VP8_STATUS_NOT_ENOUGH_DATA ? "damaged WebP: ends too early"
                                                                  : "damaged WebP: no picture in it");
  if (features.has_animation != 0) throw std::runtime_error("is an animated WebP, which is not read");
  auto image = blank_image(features.width, features.height, what);
  if (what == Decode::pixels &&
      WebPDecodeRGBInto(data, bytes.size(), image.pixels.data(), image.pixels.size(), 3 * image.width) == nullptr)
    throw std::runtime_error("damaged WebP: its pixels cannot be decoded");
  return image;
}

}  // namespace trainbus
