#include "validation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace trainbus {
namespace {

float ranked(float score) { return std::isnan(score) ? -INFINITY : score; }

}  // namespace

void Validation::add(double loss, double accuracy, std::span<const std::int32_t> labels,
                     std::span<const float> logits) {
  averages_.add(loss, accuracy, labels.size());
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto scores = logits.subspan(row * classes_, classes_);
    const auto truth = static_cast<std::size_t>(labels[row]);
    const auto predicted = std::ranges::max_element(scores, {}, ranked) - scores.begin();
    ++confusion_[truth * classes_ + static_cast<std::size_t>(predicted)];
    const auto better =
        std::ranges::count_if(scores, [&](float score) { return ranked(score) > ranked(scores[truth]); });
    if (!std::isnan(scores[truth]) && static_cast<std::size_t>(better) < kTop) ++top_hits_;
  }
}

double Validation::top_accuracy() const {
  return static_cast<double>(top_hits_) / static_cast<double>(averages_.samples);
}

double Validation::worst_class_accuracy() const {
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t truth = 0; truth < classes_; ++truth) {
    const auto row = std::span(confusion_).subspan(truth * classes_, classes_);
    const double samples = std::accumulate(row.begin(), row.end(), 0.0);
    if (samples > 0 && !(worst <= row[truth] / samples)) worst = row[truth] / samples;
  }
  return worst;
}

}  // namespace trainbus
