#include "tile_strip.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "picture_size.hpp"

namespace trainbus {
namespace {

constexpr std::uint8_t kSof0 = 0xC0, kDht = 0xC4, kSoi = 0xD8, kEoi = 0xD9, kSos = 0xDA, kDqt = 0xDB, kApp0 = 0xE0,
                       kApp14 = 0xEE, kDri = 0xDD;
constexpr std::size_t kMaxHeight = 65535;

std::size_t word_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::size_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}
void put_word(std::string& bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<char>(value >> 8);
  bytes[at + 1] = static_cast<char>(value);
}

struct Header {
  std::size_t size = 0;       // SOI to the end of SOS: where the entropy-coded segment begins
  std::size_t height_at = 0;  // where SOF0 holds the height
  std::size_t sos_at = 0;
  std::size_t width = 0, height = 0;  // pixels
  std::size_t mcus = 0;               // of one tile
  std::size_t padded_rows = 0;        // height in whole MCUs
};

// SOF0's content: precision, height, width, components of (id, sampling, table) each.
bool read_frame(std::string_view segment, Header& header) {
  if (segment.size() < 6 || byte_at(segment, 0) != 8) return false;
  header.height = word_at(segment, 1);
  header.width = word_at(segment, 3);
  const std::size_t components = byte_at(segment, 5);
  if (header.height == 0 || header.width == 0 || segment.size() != 6 + 3 * components) return false;
  if (components != 1 && components != 3) return false;
  std::size_t across = 1, down = 1;
  for (std::size_t component = 0; component < components; ++component) {
    const std::uint8_t sampling = byte_at(segment, 6 + 3 * component + 1);
    across = std::max<std::size_t>(across, sampling >> 4);
    down = std::max<std::size_t>(down, sampling & 15);
  }
  if (across > 4 || down > 4 || (components == 1 && across * down != 1)) return false;
  const std::size_t mcu_rows = (header.height + 8 * down - 1) / (8 * down);
  header.padded_rows = mcu_rows * 8 * down;
  header.mcus = mcu_rows * ((header.width + 8 * across - 1) / (8 * across));
  return true;
}

// One sequential scan with everything in it.
bool read_scan(std::string_view segment) {
  if (segment.empty()) return false;
  const std::size_t components = byte_at(segment, 0);
  if (segment.size() != 4 + 2 * components) return false;
  const auto tail = segment.substr(1 + 2 * components);
  return byte_at(tail, 0) == 0 && byte_at(tail, 1) == 63 && byte_at(tail, 2) == 0;
}

std::optional<Header> read_header(std::string_view jpeg) {
  if (jpeg.size() < 4 || byte_at(jpeg, 0) != 0xFF || byte_at(jpeg, 1) != kSoi) return std::nullopt;
  Header header;
  for (std::size_t at = 2; at + 4 <= jpeg.size();) {
    if (byte_at(jpeg, at) != 0xFF) return std::nullopt;
    const std::uint8_t marker = byte_at(jpeg, at + 1);
    const std::size_t length = word_at(jpeg, at + 2);
    if (length < 2 || at + 2 + length > jpeg.size()) return std::nullopt;
    const auto segment = jpeg.substr(at + 4, length - 2);
    switch (marker) {
      case kApp0:
      case kApp14:
      case kDqt:
      case kDht: break;
      case kSof0:
        if (header.height_at != 0 || !read_frame(segment, header)) return std::nullopt;
        header.height_at = at + 5;
        break;
      case kSos:
        if (header.height_at == 0 || !read_scan(segment)) return std::nullopt;
        header.sos_at = at;
        header.size = at + 2 + length;
        return header;
      default: return std::nullopt;  // progressive, restart intervals, orientation: not ours to join
    }
    at += 2 + length;
  }
  return std::nullopt;
}

// The entropy-coded segment: up to EOI, which must be the first marker in it.
std::optional<std::string_view> read_entropy(std::string_view bytes) {
  for (std::size_t at = 0; (at = bytes.find('\xFF', at)) != std::string_view::npos && at + 1 < bytes.size(); at += 2) {
    if (byte_at(bytes, at + 1) == 0) continue;  // a stuffed 0xFF
    if (byte_at(bytes, at + 1) == kEoi) return bytes.substr(0, at);
    return std::nullopt;
  }
  return std::nullopt;
}

void append_header(std::string& strip, std::string_view first, const Header& header, std::size_t tiles) {
  strip.append(first.substr(0, header.sos_at));
  put_word(strip, header.height_at, header.padded_rows * tiles);
  const char restart[] = {
      '\xFF', static_cast<char>(kDri), 0, 4, static_cast<char>(header.mcus >> 8), static_cast<char>(header.mcus)};
  strip.append(restart, sizeof restart);
  strip.append(first.substr(header.sos_at, header.size - header.sos_at));
}

}  // namespace

std::optional<TileStrip> join_tiles(std::span<const std::string_view> jpegs) {
  if (jpegs.size() < 2) return std::nullopt;
  const auto first = jpegs.front();
  const auto header = read_header(first);
  if (!header || header->mcus > 65535 || header->padded_rows * jpegs.size() > kMaxHeight) return std::nullopt;
  std::size_t bytes = 0;
  for (const auto jpeg : jpegs) {
    if (!jpeg.starts_with(first.substr(0, header->size))) return std::nullopt;
    bytes += jpeg.size();
  }
  TileStrip strip{
      {}, static_cast<int>(header->width), static_cast<int>(header->height), static_cast<int>(header->padded_rows)};
  strip.jpeg.reserve(bytes + 16);
  append_header(strip.jpeg, first, *header, jpegs.size());
  for (std::size_t tile = 0; tile < jpegs.size(); ++tile) {
    const auto entropy = read_entropy(jpegs[tile].substr(header->size));
    if (!entropy) return std::nullopt;
    strip.jpeg.append(*entropy);
    strip.jpeg += '\xFF';
    strip.jpeg += static_cast<char>(tile + 1 == jpegs.size() ? kEoi : 0xD0 + tile % 8);
  }
  return strip;
}

bool join_images(v1::BatchData& batch) {
  std::vector<std::string_view> jpegs;
  for (const auto& image : batch.images()) {
    if (image.format() != "jpeg") return false;
    jpegs.push_back(image.image_bytes());
  }
  auto strip = join_tiles(jpegs);
  if (!strip) return false;
  const int tiles = batch.images_size();
  auto& first = *batch.mutable_images(0);
  if (first.width() != static_cast<std::uint32_t>(strip->tile_width) ||
      first.height() != static_cast<std::uint32_t>(strip->tile_height))
    return false;
  first.set_image_bytes(std::move(strip->jpeg));
  first.set_strip_tiles(tiles);
  first.set_strip_rows(strip->rows_per_tile);
  batch.mutable_images()->DeleteSubrange(1, tiles - 1);
  return true;
}

}  // namespace trainbus
