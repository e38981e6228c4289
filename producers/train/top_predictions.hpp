#pragma once
// From the network's raw scores to what a person reads: a label, how sure, and the runners-up.

#include <span>
#include <string>
#include <vector>

#include "trainbus/producer.hpp"

namespace trainbus {

// One prediction per row of `logits` (class_names.size() scores each): the softmax of the row and its best `top_k`
// classes. A row that is not finite gives a confidence of NaN.
std::vector<Prediction> top_predictions(std::span<const float> logits, const std::vector<std::string>& class_names,
                                        std::size_t top_k);

}  // namespace trainbus
