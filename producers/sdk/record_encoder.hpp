#pragma once
// Plain values to schema messages.

#include <string_view>

#include "logged_record.hpp"
#include "trainbus/text.hpp"
#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

// Room for the envelope beside the payload.
inline constexpr std::size_t kEnvelopeBytes = 1024;
inline constexpr std::size_t kMaxNotesBytes = 64 << 10;

struct WrittenPayload {
  const google::protobuf::MessageLite* payload;
  const char* left_out;  // what had to be, for people; null: nothing
};
// Writes the payload, without its named values, into `message` (reused; the envelope's own fields stay as they are).
// Text that is not UTF-8 has its bad bytes replaced by '?', because a receiver would refuse the whole record; free text
// is cut at kMaxTextBytes. Past `max_bytes` predictions, then ground truth are left out; of a plan the class names,
// then the parameters.
WrittenPayload write_payload(const LoggedRecord& record, std::size_t max_bytes, v1::MetricsRequest& message);

// What a batch record and a tiles message of one batch have in common.
void write_batch(const BatchMetrics& metrics, std::int64_t timestamp_ms, std::uint64_t step, v1::BatchData& batch);
void write_prediction(const Prediction& prediction, v1::Prediction& message);

}  // namespace trainbus
