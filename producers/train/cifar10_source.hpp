#pragma once

#include "data_set.hpp"

namespace trainbus {

// CIFAR-10's binary files (https://www.cs.toronto.edu/~kriz/cifar.html): records of one label byte and three planes
// of 32x32 bytes. Takes those of data_batch_1..5.bin that are there; test_batch.bin is the validation part. Names
// come from batches.meta.txt, else the official ones.
class Cifar10Source final : public DataSource {
 public:
  explicit Cifar10Source(std::string folder) : folder_(std::move(folder)) {}
  LoadedSamples load(const StopCheck& stop) const override;

 private:
  std::string folder_;
};

}  // namespace trainbus
