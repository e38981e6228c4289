#pragma once
// Plain values to schema messages.

#include <string_view>

#include "logged_record.hpp"

namespace trainbus {

// Writes timestamp and payload into `message` (reused; the envelope's other fields stay as they are). Text that is
// not UTF-8 has its bad bytes replaced by '?', because a receiver would refuse the whole record; free text is cut at
// kMaxTextBytes. A record over kMaxRecordBytes loses its predictions, ground truth or class names.
void write_record(const LoggedRecord& record, v1::MetricsRequest& message);

void write_prediction(const Prediction& prediction, v1::Prediction& message);
void write_plan(const TrainingPlan& plan, v1::TrainingConfig& config);

// `text` with every byte that is not part of valid UTF-8 replaced by '?', cut at a character within `max_bytes`.
std::string clean_text(std::string_view text, std::size_t max_bytes = kMaxTextBytes);

}  // namespace trainbus
