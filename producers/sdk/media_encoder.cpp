#include "media_encoder.hpp"

#include <algorithm>
#include <cmath>

#include "record_encoder.hpp"
#include "trainbus/media.hpp"

namespace trainbus {
namespace {

constexpr int kQuality = 90;
constexpr int kFullChromaMediaPixels = 256;  // colours of a small picture are looked at one by one
constexpr std::size_t kMostBytes = kMaxRecordBytes - kEnvelopeBytes;

}  // namespace

std::string MediaEncoder::encode(WaitingMedia& waiting) {
  waiting.media.set_timestamp_ms(waiting.timestamp_ms);
  waiting.media.set_step(waiting.step);
  if (!waiting.media.has_images()) return {};
  int pixels = 1;
  for (const Picture& picture : waiting.pictures)
    pixels = std::max(pixels, std::min(picture.longer_side(), kMaxMediaPixels));
  for (;;) {
    if (!encode_all(waiting, pixels, *waiting.media.mutable_images()))
      return "media '" + waiting.media.name() + "': a picture could not be encoded";
    const std::size_t bytes = waiting.media.ByteSizeLong();
    if (bytes <= kMostBytes) return {};
    if (pixels <= 8) return "media '" + waiting.media.name() + "': the pictures do not fit into a record";
    const double scale = std::sqrt(static_cast<double>(kMostBytes) / static_cast<double>(bytes));
    pixels = std::max(8, static_cast<int>(pixels * std::min(0.9, scale)));
  }
}

bool MediaEncoder::encode_all(const WaitingMedia& waiting, int max_pixels, v1::ImageSet& set) {
  set.clear_images();
  for (const Picture& picture : waiting.pictures)
    if (!encoder_.encode(picture, max_pixels, kQuality, max_pixels <= kFullChromaMediaPixels, *set.add_images()))
      return false;
  return true;
}

}  // namespace trainbus
