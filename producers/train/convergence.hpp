#pragma once

#include <limits>

namespace trainbus {

// Says when the validation loss has stopped falling: kPatience epochs in a row without a new best, by a thousandth.
struct Convergence {
  static constexpr int kPatience = 5;

  double best = std::numeric_limits<double>::infinity();
  int epochs_without_best = 0;

  // Takes one epoch's validation loss, says whether it has converged. A loss that is not finite is not progress, and
  // before the first finite one there is nothing to converge from.
  bool add(double loss) {
    if (loss < best * 0.999) {
      best = loss;
      epochs_without_best = 0;
    } else {
      ++epochs_without_best;
    }
    return best < std::numeric_limits<double>::infinity() && epochs_without_best >= kPatience;
  }
};

}  // namespace trainbus
