#include "trainbus/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace trainbus {

std::string_view clipped(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<unsigned char>(text[max_bytes]) & 0xc0) == 0x80)
    --max_bytes;
  return text.substr(0, max_bytes);
}

std::size_t utf8_character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < count) return 0;
  for (std::size_t i = 1; i < count; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte(1);
  const bool bad_second = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                          (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return bad_second ? 0 : count;
}

namespace {

// How many bytes at the front are ASCII, which most text is; a word at a time.
std::size_t ascii_bytes(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t count = 0;
  for (std::uint64_t word = 0; text.size() - count >= sizeof word; count += sizeof word) {
    std::memcpy(&word, text.data() + count, sizeof word);
    if ((word & kHighBits) != 0) break;
  }
  while (count < text.size() && static_cast<unsigned char>(text[count]) < 0x80)
    ++count;
  return count;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  const std::size_t ascii = ascii_bytes(text.substr(0, max_bytes));
  std::string clean(text.substr(0, ascii));
  text.remove_prefix(ascii);
  while (!text.empty()) {
    const std::size_t count = utf8_character_bytes(text);
    const std::string_view character = count == 0 ? "?" : text.substr(0, count);
    if (clean.size() + character.size() > max_bytes) break;
    clean += character;
    text.remove_prefix(count == 0 ? 1 : count);
  }
  return clean;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  const std::string shortest(buffer, end);
  // 5e-04 is shorter than 0.0005, and nobody writes it so.
  const bool plain = std::abs(value) >= 1e-4 && std::abs(value) < 1e9;
  if (!plain || shortest.find('e') == std::string::npos) return shortest;
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr};
}

}  // namespace trainbus
