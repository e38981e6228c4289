#include "shapes_source.hpp"

#include <algorithm>
#include <numbers>
#include <opencv2/imgproc.hpp>
#include <stdexcept>

#include "random.hpp"

namespace trainbus {
namespace {

constexpr int kShapeSide = 32;
constexpr int kSubpixelBits = 4;
constexpr double kNoise = 14;          // largest standard deviation of the noise, of 255
constexpr double kLeastContrast = 70;  // between shape and background, of 441

using Outline = std::vector<cv::Point2d>;  // within the unit circle

// What is filled, less what is cut out of it.
struct Shape {
  Outline filled;
  Outline cut;
};

constexpr const char* kNames[] = {"circle",   "ring", "crescent", "triangle", "square",
                                  "pentagon", "star", "cross",    "arrow",    "bar"};

Outline circle(double radius, cv::Point2d centre = {}) {
  Outline outline;
  for (int corner = 0; corner < 24; ++corner) {
    const double angle = 2 * std::numbers::pi * corner / 24;
    outline.push_back(centre + radius * cv::Point2d(std::cos(angle), std::sin(angle)));
  }
  return outline;
}

// Corners alternate between the radius 1 and `inner`; inner = 1 gives a regular polygon of twice as many corners.
Outline star(int points, double inner) {
  Outline outline;
  for (int corner = 0; corner < 2 * points; ++corner) {
    const double angle = std::numbers::pi * corner / points;
    outline.push_back((corner % 2 == 0 ? 1.0 : inner) * cv::Point2d(std::cos(angle), std::sin(angle)));
  }
  return outline;
}

Outline polygon(int corners) { return star(corners, std::cos(std::numbers::pi / corners)); }

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {circle(0.9), {}},
      {circle(0.95), circle(0.5)},
      {circle(0.95), circle(0.85, {0.5, 0})},
      {polygon(3), {}},
      {polygon(4), {}},
      {polygon(5), {}},
      {star(5, 0.4), {}},
      {{{-1, -.3},
        {-.3, -.3},
        {-.3, -1},
        {.3, -1},
        {.3, -.3},
        {1, -.3},
        {1, .3},
        {.3, .3},
        {.3, 1},
        {-.3, 1},
        {-.3, .3},
        {-1, .3}},
       {}},
      {{{-1, -.25}, {.1, -.25}, {.1, -.8}, {1, 0}, {.1, .8}, {.1, .25}, {-1, .25}}, {}},
      {{{-1, -.28}, {1, -.28}, {1, .28}, {-1, .28}}, {}},
  };
  return all;
}

cv::Vec3d random_colour(Random& random) {
  return {random.uniform(10, 245), random.uniform(10, 245), random.uniform(10, 245)};
}

cv::Vec3d colour_unlike(const cv::Vec3d& other, Random& random) {
  cv::Vec3d colour;
  do
    colour = random_colour(random);
  while (cv::norm(colour - other) < kLeastContrast);
  return colour;
}

// Plain, a gradient, stripes or a checkerboard of two colours that do not differ much.
cv::Mat3d draw_background(const cv::Vec3d& colour, Random& random) {
  const auto pattern = random.below(4);
  const cv::Vec3d change(random.uniform(-35, 35), random.uniform(-35, 35), random.uniform(-35, 35));
  const double angle = random.uniform(0, 2 * std::numbers::pi);
  const double period = random.uniform(4, 10);
  cv::Mat3d image(kShapeSide, kShapeSide);
  for (int y = 0; y < kShapeSide; ++y)
    for (int x = 0; x < kShapeSide; ++x) {
      const double along = std::cos(angle) * x + std::sin(angle) * y;
      const double across = std::cos(angle) * y - std::sin(angle) * x;
      double share = 0;
      if (pattern == 1) share = along / kShapeSide;
      if (pattern == 2) share = std::sin(along * 2 * std::numbers::pi / period) > 0 ? 1 : 0;
      if (pattern == 3) share = (static_cast<int>(std::floor(along / period) + std::floor(across / period)) & 1) != 0;
      image(y, x) = colour + share * change;
    }
  return image;
}

void draw_line(cv::Mat3d& image, Random& random) {
  const auto end = [&] {
    return cv::Point(static_cast<int>(random.below(kShapeSide)), static_cast<int>(random.below(kShapeSide)));
  };
  const auto from = end();
  const auto colour = random_colour(random);
  cv::line(image, from, end(), cv::Scalar(colour[0], colour[1], colour[2]), 1);
}

// How much of each pixel the shape covers, 0..255.
cv::Mat1b draw_mask(const Shape& shape, Random& random) {
  const double radius = random.uniform(8, 14);
  const double slack = kShapeSide / 2.0 - radius + 1;  // may touch the border
  const cv::Point2d centre(kShapeSide / 2.0 + random.uniform(-slack, slack),
                           kShapeSide / 2.0 + random.uniform(-slack, slack));
  const double angle = random.uniform(0, 2 * std::numbers::pi);
  const double squeeze = random.uniform(0.8, 1);
  cv::Mat1b mask(kShapeSide, kShapeSide, std::uint8_t{0});
  const auto fill = [&](const Outline& outline, int value) {
    if (outline.empty()) return;
    std::vector<cv::Point> corners;
    for (const auto& point : outline) {
      const cv::Point2d at(point.x * radius, point.y * radius * squeeze);
      const cv::Point2d turned(std::cos(angle) * at.x - std::sin(angle) * at.y,
                               std::sin(angle) * at.x + std::cos(angle) * at.y);
      corners.emplace_back((centre + turned) * (1 << kSubpixelBits));
    }
    cv::fillPoly(mask, corners, cv::Scalar(value), cv::LINE_AA, kSubpixelBits);
  };
  fill(shape.filled, 255);
  fill(shape.cut, 0);
  return mask;
}

void draw(const Shape& shape, Random& random, std::span<std::uint8_t> pixels) {
  const auto background = random_colour(random);
  const auto colour = colour_unlike(background, random);
  auto image = draw_background(background, random);
  for (auto lines = random.below(3); lines > 0; --lines)
    draw_line(image, random);
  const auto mask = draw_mask(shape, random);
  if (random.below(4) == 0) draw_line(image, random);
  const double noise = random.uniform(2, kNoise);
  for (int y = 0; y < kShapeSide; ++y)
    for (int x = 0; x < kShapeSide; ++x) {
      const double cover = mask(y, x) / 255.0;
      const auto pixel = image(y, x) * (1 - cover) + colour * cover;
      for (int channel = 0; channel < 3; ++channel)
        pixels[(y * kShapeSide + x) * 3 + channel] =
            cv::saturate_cast<std::uint8_t>(pixel[channel] + noise * random.normal());
    }
}

}  // namespace

LoadedSamples ShapesSource::load(const StopCheck& stop) const {
  LoadedSamples loaded{.class_names = {std::begin(kNames), std::end(kNames)},
                       .samples = Samples({.width = kShapeSide, .height = kShapeSide, .channels = 3}),
                       .first_validation = count_};
  loaded.samples.reserve(count_);
  for (std::size_t index = 0; index < count_; ++index) {
    if (stop && stop()) throw std::runtime_error("stopped while drawing shapes");
    const auto label = static_cast<std::int32_t>(index % std::size(kNames));
    Random random(seed_, index);
    draw(shapes()[label], random, loaded.samples.add(label));
  }
  return loaded;
}

}  // namespace trainbus
