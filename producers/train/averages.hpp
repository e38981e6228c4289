#pragma once

#include <cstddef>

namespace trainbus {

// Means over samples, of batches of any size.
struct Averages {
  double loss = 0;
  double accuracy = 0;
  std::size_t samples = 0;

  void add(double batch_loss, double batch_accuracy, std::size_t count) {
    const double share = static_cast<double>(count) / static_cast<double>(samples += count);
    loss += (batch_loss - loss) * share;
    accuracy += (batch_accuracy - accuracy) * share;
  }
};

}  // namespace trainbus
