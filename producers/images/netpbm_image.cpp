#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "image_formats.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kMostDigits = 100'000'000;

// The next number of the header, after spaces and comments that reach to the end of their line.
std::int64_t next_number(std::string_view bytes, std::size_t& at) {
  while (at < bytes.size() && (std::isspace(static_cast<unsigned char>(bytes[at])) != 0 || bytes[at] == '#'))
    at = bytes[at] == '#' ? std::min(bytes.find('\n', at), bytes.size()) : at + 1;
  std::int64_t number = -1;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && number < kMostDigits; ++at)
    number = (number < 0 ? 0 : 10 * number) + (bytes[at] - '0');
  if (number < 0) throw std::runtime_error("damaged PNM: its header is not three numbers");
  return number;
}

}  // namespace

RgbImage decode_netpbm(std::string_view bytes, Decode what) {
  std::size_t at = 2;
  const auto width = next_number(bytes, at);
  const auto height = next_number(bytes, at);
  const auto white = next_number(bytes, at);
  if (white < 1 || white > 65535) throw std::runtime_error("damaged PNM: white is " + std::to_string(white));
  if (const auto size = blank_image(width, height, Decode::size); what == Decode::size) return size;
  ++at;  // exactly one space ends the header
  const std::size_t channels = bytes[1] == '6' ? 3 : 1;
  const std::size_t sample_bytes = white > 255 ? 2 : 1;
  const std::size_t samples = static_cast<std::size_t>(width * height) * channels;
  if (at > bytes.size() || bytes.size() - at < samples * sample_bytes)
    throw std::runtime_error("damaged PNM: ends too early");
  auto image = blank_image(width, height, what);
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
  const auto sample = [&](std::size_t index) {
    const auto* from = data + index * sample_bytes;
    const unsigned value = sample_bytes == 2 ? from[0] << 8 | from[1] : from[0];
    return static_cast<std::uint8_t>(std::min<std::int64_t>(255, (255 * value + white / 2) / white));
  };
  for (std::size_t index = 0; index < image.pixels.size(); ++index)
    image.pixels[index] = sample(channels == 3 ? index : index / 3);
  return image;
}

}  // namespace trainbus
