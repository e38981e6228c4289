#pragma once
// Pictures for the tiles of simulated trainers.

#include <cstdint>
#include <vector>

namespace trainbus {

// Random textured RGB pictures, drawn once: patches of several scales, so that their JPEGs are about as large as
// those of photographs. Read-only afterwards, so any thread may use them.
class TilePictures {
 public:
  static constexpr int kCount = 64;

  TilePictures(int side, std::uint64_t seed);

  int side() const { return side_; }
  // side() rows of side() RGB pixels; `index` counts on past kCount.
  const std::uint8_t* picture(std::uint64_t index) const { return pictures_[index % kCount].data(); }

 private:
  int side_;
  std::vector<std::vector<std::uint8_t>> pictures_;
};

}  // namespace trainbus
