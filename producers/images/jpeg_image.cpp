#include <turbojpeg.h>

#include <memory>
#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {
namespace {

// A scan may be small and its decoding long: a file of a thousand of them is meant to hold up who reads it.
constexpr int kFlags = TJFLAG_LIMITSCANS;

// TurboJPEG gives CMYK as it is stored, which in practice is always Adobe's way: 255 is no ink.
void rgb_of_stored_cmyk(const std::vector<std::uint8_t>& cmyk, std::vector<std::uint8_t>& rgb) {
  const auto product = [](unsigned a, unsigned b) {  // a * b / 255, rounded
    const unsigned scaled = a * b + 128;
    return ((scaled >> 8) + scaled) >> 8;
  };
  for (std::size_t pixel = 0; pixel < rgb.size() / 3; ++pixel) {
    const unsigned light = cmyk[4 * pixel + 3];
    for (std::size_t channel = 0; channel < 3; ++channel)
      rgb[3 * pixel + channel] = static_cast<std::uint8_t>(light - product(255U - cmyk[4 * pixel + channel], light));
  }
}

}  // namespace

RgbImage decode_jpeg(std::string_view bytes, Decode what) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto problem = [&] { return std::string(tjGetErrorStr2(decoder.get())); };
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling, &colours) != 0)
    throw std::runtime_error("damaged JPEG: " + problem());
  auto image = blank_image(width, height, what);
  if (what == Decode::size) return image;
  const bool has_ink = colours == TJCS_CMYK || colours == TJCS_YCCK;
  std::vector<std::uint8_t> cmyk(has_ink ? image.pixels.size() / 3 * 4 : 0);
  auto* pixels = has_ink ? cmyk.data() : image.pixels.data();
  if (tjDecompress2(decoder.get(), data, bytes.size(), pixels, width, 0, height, has_ink ? TJPF_CMYK : TJPF_RGB,
                    kFlags) != 0) {
    // Too early an end is only a warning to libjpeg, which fills up with grey. Stray bytes between two parts do no
    // harm.
    const bool harmless =
        tjGetErrorCode(decoder.get()) == TJERR_WARNING && problem().find("extraneous bytes") != std::string::npos;
    if (!harmless) throw std::runtime_error("damaged JPEG: " + problem());
  }
  if (has_ink) rgb_of_stored_cmyk(cmyk, image.pixels);
  return image;
}

}  // namespace trainbus
