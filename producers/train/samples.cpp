#include "samples.hpp"

#include <algorithm>
#include <cmath>

namespace trainbus {

std::string ImageShape::text() const {
  return std::to_string(width) + 'x' + std::to_string(height) + 'x' + std::to_string(channels);
}

void Samples::reserve(std::size_t count) {
  pixels_.reserve(count * shape_.bytes());
  labels_.reserve(count);
}

std::span<std::uint8_t> Samples::add(std::int32_t label) {
  labels_.push_back(label);
  pixels_.resize(labels_.size() * shape_.bytes());
  return std::span(pixels_).last(shape_.bytes());
}

std::span<const std::uint8_t> Samples::pixels(std::size_t index) const {
  return std::span(pixels_).subspan(index * shape_.bytes(), shape_.bytes());
}

Normalisation normalisation_of(const Samples& samples, std::span<const std::uint32_t> chosen) {
  const std::size_t channels = samples.shape().channels;
  std::array<double, 3> sums{};
  std::array<double, 3> squares{};
  for (const auto index : chosen) {
    std::array<std::uint64_t, 3> sum{};
    std::array<std::uint64_t, 3> square{};
    const auto pixels = samples.pixels(index);
    for (std::size_t at = 0; at < pixels.size(); at += channels)
      for (std::size_t channel = 0; channel < channels; ++channel) {
        const std::uint64_t value = pixels[at + channel];
        sum[channel] += value;
        square[channel] += value * value;
      }
    for (std::size_t channel = 0; channel < channels; ++channel) {
      sums[channel] += static_cast<double>(sum[channel]);
      squares[channel] += static_cast<double>(square[channel]);
    }
  }
  Normalisation result;
  const double count = static_cast<double>(chosen.size() * samples.shape().bytes()) / static_cast<double>(channels);
  for (std::size_t channel = 0; count > 0 && channel < channels; ++channel) {
    const double mean = sums[channel] / count;
    const double variance = std::max(0.0, squares[channel] / count - mean * mean);
    result.mean[channel] = static_cast<float>(mean / 255);
    if (variance > 0) result.deviation[channel] = static_cast<float>(std::sqrt(variance) / 255);
  }
  return result;
}

void Batch::gather(const Samples& samples, std::span<const std::uint32_t> chosen) {
  shape = samples.shape();
  indices.assign(chosen.begin(), chosen.end());
  pixels.resize(chosen.size() * shape.bytes());
  labels.resize(chosen.size());
  for (std::size_t row = 0; row < chosen.size(); ++row) {
    std::ranges::copy(samples.pixels(chosen[row]), pixels.begin() + static_cast<std::ptrdiff_t>(row * shape.bytes()));
    labels[row] = samples.label(chosen[row]);
  }
}

}  // namespace trainbus
