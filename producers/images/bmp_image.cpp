#include <array>
#include <bit>
#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kFileHeader = 14;
constexpr std::uint32_t kInfoHeader = 40;  // the older one of 12 bytes has not been written since Windows 3
enum : std::uint32_t { kPlain = 0, kBitFields = 3, kAlphaBitFields = 6 };

// Little-endian numbers at fixed places; past the end is an error.
class BmpFile {
 public:
  explicit BmpFile(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) throw std::runtime_error("damaged BMP: ends too early");
    std::uint32_t value = 0;
    for (std::size_t byte = size; byte-- > 0;)
      value = value << 8 | static_cast<std::uint8_t>(bytes_[at + byte]);
    return value;
  }

 private:
  std::string_view bytes_;
};

struct BmpHeader {
  std::uint32_t pixels_at = 0;
  std::uint32_t header_size = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool top_down = false;
  std::uint32_t bits = 0;
  std::uint32_t compression = kPlain;
  std::uint32_t colours = 0;
};

BmpHeader read_header(const BmpFile& file) {
  BmpHeader header{.pixels_at = file.number(10, 4), .header_size = file.number(14, 4)};
  if (header.header_size < kInfoHeader || header.header_size > 1024)
    throw std::runtime_error("is a BMP with a header of " + std::to_string(header.header_size) +
                             " bytes, which is not read");
  header.width = static_cast<std::int32_t>(file.number(18, 4));
  header.height = static_cast<std::int32_t>(file.number(22, 4));
  header.top_down = header.height < 0;
  header.height = std::abs(header.height);
  header.bits = file.number(28, 2);
  header.compression = file.number(30, 4);
  header.colours = file.number(46, 4);
  return header;
}

// What turns a pixel's number into colours.
class BmpColours {
 public:
  BmpColours(const BmpFile& file, const BmpHeader& header) : has_palette_(header.bits <= 8) {
    const auto table_at = kFileHeader + header.header_size;
    if (has_palette_) {
      const std::uint32_t most = 1U << header.bits;
      const auto count = header.colours == 0 || header.colours > most ? most : header.colours;
      for (std::uint32_t index = 0; index < count; ++index)
        palette_[index] = file.number(table_at + std::size_t{4} * index, 4);
    } else if (header.compression != kPlain) {
      for (std::size_t channel = 0; channel < 3; ++channel)
        masks_[channel] = file.number(kFileHeader + kInfoHeader + 4 * channel, 4);
    } else if (header.bits == 16) {
      masks_ = {0x7c00, 0x3e0, 0x1f};
    }
  }
  std::uint8_t of(std::uint32_t pixel, std::size_t channel) const {
    if (has_palette_) return static_cast<std::uint8_t>(palette_[pixel & 255] >> (16 - 8 * channel));
    const auto mask = masks_[channel];
    if (mask == 0) return 0;
    const std::uint64_t most = mask >> std::countr_zero(mask);
    return static_cast<std::uint8_t>(std::uint64_t{255} * ((pixel & mask) >> std::countr_zero(mask)) / most);
  }

 private:
  bool has_palette_;
  std::array<std::uint32_t, 256> palette_{};
  std::array<std::uint32_t, 3> masks_{0xff0000, 0xff00, 0xff};
};

void check_kind(const BmpHeader& header) {
  const auto bits = header.bits;
  const bool small = bits == 1 || bits == 4 || bits == 8;
  const bool plain = header.compression == kPlain && (small || bits == 16 || bits == 24 || bits == 32);
  const bool fields =
      (header.compression == kBitFields || header.compression == kAlphaBitFields) && (bits == 16 || bits == 32);
  if (!plain && !fields)
    throw std::runtime_error("is a BMP of " + std::to_string(bits) + " bits with compression " +
                             std::to_string(header.compression) + ", which is not read");
}

}  // namespace

RgbImage decode_bmp(std::string_view bytes, Decode what) {
  const BmpFile file(bytes);
  const auto header = read_header(file);
  check_kind(header);
  if (const auto size = blank_image(header.width, header.height, Decode::size); what == Decode::size) return size;
  const BmpColours colours(file, header);
  const std::size_t row_bytes = (static_cast<std::size_t>(header.width) * header.bits + 31) / 32 * 4;
  // The last byte first: nothing is allocated for a picture that is not there.
  file.number(header.pixels_at + row_bytes * (header.height - 1) + (header.width * header.bits + 7) / 8 - 1, 1);
  auto image = blank_image(header.width, header.height, what);
  auto* to = image.pixels.data();
  for (std::int64_t y = 0; y < header.height; ++y) {
    const auto row_at = header.pixels_at + row_bytes * (header.top_down ? y : header.height - 1 - y);
    for (std::size_t x = 0; x < static_cast<std::size_t>(header.width); ++x) {
      const auto bit = x * header.bits;
      auto pixel = file.number(row_at + bit / 8, std::max<std::size_t>(1, header.bits / 8));
      if (header.bits < 8) pixel = pixel >> (8 - header.bits - bit % 8) & ((1U << header.bits) - 1);
      for (std::size_t channel = 0; channel < 3; ++channel)
        *to++ = colours.of(pixel, channel);
    }
  }
  return image;
}

}  // namespace trainbus
