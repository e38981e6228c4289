#include "image_file.hpp"

#include <png.h>
#include <turbojpeg.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace trainbus {
namespace {

constexpr int kMaxSide = 8192;

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": " + std::strerror(errno));
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) throw std::runtime_error(path + ": is empty");
  return bytes;
}

RgbImage blank(const std::string& path, std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide)
    throw std::runtime_error(path + ": " + std::to_string(width) + 'x' + std::to_string(height) +
                             " pixels are out of range");
  return {.width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .pixels = std::vector<std::uint8_t>(width * height * 3)};
}

RgbImage decode_jpeg(const std::string& path, const std::string& bytes) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto damaged = [&] { return std::runtime_error(path + ": damaged JPEG: " + tjGetErrorStr2(decoder.get())); };
  int width = 0;
  int height = 0;
  int subsampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &subsampling, &colours) != 0)
    throw damaged();
  auto image = blank(path, width, height);
  if (tjDecompress2(decoder.get(), data, bytes.size(), image.pixels.data(), width, 0, height, TJPF_RGB, 0) != 0) {
    // Too early an end is only a warning to libjpeg, which fills up with grey. Stray bytes between two parts do no
    // harm.
    const bool harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING &&
                          std::string_view(tjGetErrorStr2(decoder.get())).find("extraneous bytes") != std::string::npos;
    if (!harmless) throw damaged();
  }
  return image;
}

RgbImage decode_png(const std::string& path, const std::string& bytes) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, void (*)(png_image*)> owner(&png, png_image_free);
  const auto damaged = [&] { return std::runtime_error(path + ": damaged PNG: " + png.message); };
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) throw damaged();
  auto image = blank(path, png.width, png.height);
  png.format = PNG_FORMAT_RGB;
  const png_color black{};
  if (png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr) == 0) throw damaged();
  return image;
}

}  // namespace

RgbImage read_image_file(const std::string& path) {
  const auto bytes = read_bytes(path);
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(path, bytes);
  if (bytes.starts_with("\x89PNG")) return decode_png(path, bytes);
  throw std::runtime_error(path + ": neither a JPEG nor a PNG file");
}

}  // namespace trainbus
