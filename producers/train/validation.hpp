#pragma once
// What a pass over the validation samples shows. No libtorch: scores come in, figures go out.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "averages.hpp"

namespace trainbus {

class Validation {
 public:
  static constexpr std::size_t kTop = 3;

  explicit Validation(std::size_t classes) : classes_(classes), confusion_(classes * classes) {}

  // One batch: its mean loss and accuracy, and `classes` logits for each label. A score that is not a number ranks
  // last.
  void add(double loss, double accuracy, std::span<const std::int32_t> labels, std::span<const float> logits);

  const Averages& averages() const { return averages_; }
  // Share of samples whose true class is among the kTop with the highest scores.
  double top_accuracy() const;
  // Accuracy within the class for which it is lowest, of those that have samples; NaN without samples.
  double worst_class_accuracy() const;
  // [truth * classes + predicted]: how many samples.
  const std::vector<double>& confusion() const { return confusion_; }

 private:
  std::size_t classes_;
  Averages averages_;
  std::size_t top_hits_ = 0;
  std::vector<double> confusion_;
};

}  // namespace trainbus
