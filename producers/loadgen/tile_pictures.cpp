#include "tile_pictures.hpp"

#include <algorithm>
#include <random>

namespace trainbus {
namespace {

constexpr int kChannels = 3;

// Adds smooth noise: random values on a grid `cell` pixels apart, in between linear.
void add_noise(std::vector<float>& field, int side, int cell, float strength, std::mt19937_64& random) {
  const int knots = side / cell + 2;
  std::uniform_real_distribution<float> value(-strength, strength);
  std::vector<float> grid(static_cast<std::size_t>(knots) * knots);
  std::generate(grid.begin(), grid.end(), [&] { return value(random); });
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const float right = static_cast<float>(x % cell) / static_cast<float>(cell);
      const float down = static_cast<float>(y % cell) / static_cast<float>(cell);
      const float* corner = &grid[static_cast<std::size_t>(y / cell) * knots + x / cell];
      const float top = corner[0] * (1 - right) + corner[1] * right;
      const float bottom = corner[knots] * (1 - right) + corner[knots + 1] * right;
      field[static_cast<std::size_t>(y) * side + x] += top * (1 - down) + bottom * down;
    }
  }
}

std::vector<std::uint8_t> draw(int side, std::mt19937_64& random) {
  const std::size_t pixels = static_cast<std::size_t>(side) * side;
  std::vector<float> light(pixels, 128.0F);  // detail is in the light, as in photographs; colours vary slowly
  for (const auto& [divisor, strength] : {std::pair(2, 60.0F), std::pair(8, 40.0F), std::pair(32, 25.0F)})
    add_noise(light, side, std::max(1, side / divisor), strength, random);
  add_noise(light, side, 2, 32.0F, random);
  std::vector<std::uint8_t> picture(pixels * kChannels);
  for (int channel = 0; channel < kChannels; ++channel) {
    std::vector<float> tint(pixels);
    add_noise(tint, side, std::max(1, side / 3), 50.0F, random);
    for (std::size_t i = 0; i < pixels; ++i)
      picture[i * kChannels + channel] = static_cast<std::uint8_t>(std::clamp(light[i] + tint[i], 0.0F, 255.0F));
  }
  return picture;
}

}  // namespace

TilePictures::TilePictures(int side, std::uint64_t seed) : side_(side) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < kCount; ++i)
    pictures_.push_back(draw(side, random));
}

}  // namespace trainbus
