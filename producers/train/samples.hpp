#pragma once
// Labelled images of one size, held as bytes: rows of interleaved pixels, as the screen shows them.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace trainbus {

struct ImageShape {
  int width = 0;
  int height = 0;
  int channels = 0;  // 1 grey, 3 RGB

  std::size_t bytes() const { return static_cast<std::size_t>(width) * height * channels; }
  std::string text() const;  // "32x32x3"
  bool operator==(const ImageShape&) const = default;
};

// What turns a byte into the network's input: (byte / 255 - mean) / deviation, per channel.
struct Normalisation {
  std::array<float, 3> mean{};
  std::array<float, 3> deviation{1, 1, 1};
};

class Samples {
 public:
  explicit Samples(ImageShape shape) : shape_(shape) {}

  void reserve(std::size_t count);
  // Appends one image and returns its `shape().bytes()` bytes to be filled in; valid until the next add.
  std::span<std::uint8_t> add(std::int32_t label);

  const ImageShape& shape() const { return shape_; }
  std::size_t size() const { return labels_.size(); }
  std::span<const std::uint8_t> pixels(std::size_t index) const;
  std::int32_t label(std::size_t index) const { return labels_[index]; }

 private:
  ImageShape shape_;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::int32_t> labels_;
};

// Mean and deviation of the chosen samples; a channel without any variation gets deviation 1.
Normalisation normalisation_of(const Samples& samples, std::span<const std::uint32_t> chosen);

// Copies of some samples, one after another: what one step of the training takes.
struct Batch {
  ImageShape shape;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  std::vector<std::uint32_t> indices;  // into the Samples they came from

  std::size_t size() const { return labels.size(); }
  const std::uint8_t* image(std::size_t row) const { return pixels.data() + row * shape.bytes(); }
  void gather(const Samples& samples, std::span<const std::uint32_t> chosen);
};

}  // namespace trainbus
