#pragma once

#include "data_set.hpp"

namespace trainbus {

// Ten classes of rotated, coloured, noisy shapes on varied backgrounds, 32x32 RGB, drawn by OpenCV. Sample i depends on
// (seed, i) only and is of class i % 10.
class ShapesSource final : public DataSource {
 public:
  ShapesSource(std::uint64_t seed, std::size_t count) : seed_(seed), count_(count) {}
  LoadedSamples load(const StopCheck& stop) const override;

 private:
  std::uint64_t seed_;
  std::size_t count_;
};

}  // namespace trainbus
