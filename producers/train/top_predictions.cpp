#include "top_predictions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace trainbus {

std::vector<Prediction> top_predictions(std::span<const float> logits, const std::vector<std::string>& class_names,
                                        std::size_t top_k) {
  const std::size_t classes = class_names.size();
  std::vector<Prediction> predictions(logits.size() / classes);
  std::vector<std::int32_t> order(classes);
  for (std::size_t row = 0; row < predictions.size(); ++row) {
    const auto scores = logits.subspan(row * classes, classes);
    const float highest = *std::ranges::max_element(scores);
    float sum = 0;
    for (const float score : scores)
      sum += std::exp(score - highest);
    std::iota(order.begin(), order.end(), 0);
    const auto ranked = order.begin() + static_cast<std::ptrdiff_t>(std::min(top_k, classes));
    // Ties and NaN go by the class's number, so that the order is total.
    std::partial_sort(order.begin(), ranked, order.end(), [&](std::int32_t a, std::int32_t b) {
      const float left = std::isnan(scores[a]) ? -INFINITY : scores[a];
      const float right = std::isnan(scores[b]) ? -INFINITY : scores[b];
      return left != right ? left > right : a < b;
    });
    auto& prediction = predictions[row];
    for (auto at = order.begin(); at != ranked; ++at)
      prediction.top_k.push_back({*at, class_names[*at], std::exp(scores[*at] - highest) / sum});
    prediction.predicted_class = prediction.top_k.front().class_idx;
    prediction.label = prediction.top_k.front().label;
    prediction.confidence = prediction.top_k.front().score;
  }
  return predictions;
}

}  // namespace trainbus
