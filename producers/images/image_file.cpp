#include "image_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t kMostPixels = 100'000'000;
constexpr std::streamoff kMostBytes = 1 << 30;

std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error(std::strerror(errno));
  const std::streamoff size = file.tellg();
  if (size == 0) throw std::runtime_error("is empty");
  if (size > kMostBytes) throw std::runtime_error("is larger than 1 GiB");
  file.seekg(0);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error(std::strerror(errno));
  return bytes;
}

// What a file is that is no image we read; "": not known.
const char* known_otherwise(std::string_view bytes) {
  const auto brand = bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp" ? bytes.substr(8, 4) : ""sv;
  if (bytes.starts_with("GIF8")) return "a GIF file";
  if (brand == "avif") return "an AVIF file";
  if (brand == "heic" || brand == "heix" || brand == "mif1") return "a HEIC file";
  if (brand == "jp2 " || bytes.starts_with("\0\0\0\x0cjP"sv)) return "a JPEG 2000 file";
  if (bytes.starts_with("P1") || bytes.starts_with("P2") || bytes.starts_with("P3")) return "a PNM file of text";
  if (bytes.starts_with("\0\x05\x16\x07"sv)) return "what macOS notes about a file of this name (AppleDouble)";
  if (bytes.starts_with("version https://git-lfs")) return "a pointer of Git LFS";
  if (bytes.starts_with("<")) return "a text of HTML or XML";
  return "";
}

RgbImage decode(std::string_view bytes, Decode what) {
  if (bytes.starts_with("\xff\xd8")) return decode_jpeg(bytes, what);
  if (bytes.starts_with("\x89PNG")) return decode_png(bytes, what);
  if (bytes.starts_with("RIFF") && bytes.find("WEBP") == 8) return decode_webp(bytes, what);
  if (bytes.starts_with("II\x2a\0"sv) || bytes.starts_with("MM\0\x2a"sv)) return decode_tiff(bytes, what);
  if (bytes.starts_with("II\x2b\0"sv) || bytes.starts_with("MM\0\x2b"sv)) return decode_tiff(bytes, what);
  if (bytes.starts_with("BM")) return decode_bmp(bytes, what);
  if (bytes.starts_with("P5") || bytes.starts_with("P6")) return decode_netpbm(bytes, what);
  if (const std::string other = known_otherwise(bytes); !other.empty())
    throw std::runtime_error("is " + other + ", which is not read");
  throw std::runtime_error("is none of JPEG, PNG, WebP, TIFF, BMP, PPM and PGM");
}

}  // namespace

RgbImage blank_image(std::int64_t width, std::int64_t height, Decode what) {
  if (width < 1 || height < 1 || width > kMostPixels || height > kMostPixels || width * height > kMostPixels)
    throw std::runtime_error("says it is of " + std::to_string(width) + 'x' + std::to_string(height) +
                             " pixels, 1 to 100 million are read");
  RgbImage image{.width = static_cast<int>(width), .height = static_cast<int>(height), .pixels = {}};
  if (what == Decode::pixels) image.pixels.resize(static_cast<std::size_t>(width) * height * 3);
  return image;
}

RgbImage decode_image(std::string_view bytes) { return decode(bytes, Decode::pixels); }

ImageSize decode_image_size(std::string_view bytes) {
  const auto image = decode(bytes, Decode::size);
  return {.width = image.width, .height = image.height};
}

RgbImage read_image_file(const std::string& path) { return decode(read_bytes(path), Decode::pixels); }

ImageSize read_image_size(const std::string& path) {
  const auto image = decode(read_bytes(path), Decode::size);
  return {.width = image.width, .height = image.height};
}

}  // namespace trainbus
