#pragma once

#include "data_set.hpp"

namespace trainbus {

// MNIST and what comes in its files (Fashion-MNIST, KMNIST): the four official names, each plain or with .gz. The
// t10k files are the validation part; without them there is none.
class MnistSource final : public DataSource {
 public:
  explicit MnistSource(std::string folder) : folder_(std::move(folder)) {}
  LoadedSamples load(const StopCheck& stop) const override;

 private:
  std::string folder_;
};

}  // namespace trainbus
