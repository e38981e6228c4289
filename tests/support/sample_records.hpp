#pragma once
// Records as a consumer gets them, for tests of what is done with them.

#include <string>

#include "trainbus/consumer.hpp"

namespace trainbus::test {

inline constexpr std::uint64_t kSampleIncarnation = 1763900000000ULL << 20;

inline Record sample_record(Kind kind, std::uint64_t sequence, const std::string& trainer = "t0") {
  Record record;
  record.topic = {.kind = kind, .session = {.run = "r", .trainer = trainer}};
  auto& message = record.message;
  message.set_session_id("r/" + trainer);
  message.set_incarnation(kSampleIncarnation);
  message.set_sequence(sequence);
  message.set_timestamp_ms(1763900000000 + static_cast<std::int64_t>(sequence));
  return record;
}

inline Record sample_batch(std::uint64_t sequence, const std::string& trainer = "t0") {
  Record record = sample_record(v1::KIND_BATCH, sequence, trainer);
  auto& batch = *record.message.mutable_batch_data();
  batch.set_epoch(1);
  batch.set_batch_idx(static_cast<int>(sequence) - 1);
  batch.set_batch_size(64);
  batch.set_step(sequence);
  batch.set_batch_loss(0.25);
  batch.set_batch_accuracy(0.5);
  return record;
}

inline Record sample_status(std::uint64_t sequence, const std::string& message) {
  Record record = sample_record(v1::KIND_STATUS, sequence);
  record.message.mutable_status_update()->set_status(v1::RUNNING);
  record.message.mutable_status_update()->set_message(message);
  return record;
}

inline StreamKey stream_of(const Record& record) {
  return {record.message.session_id(), record.message.incarnation(), record.topic.kind};
}

}  // namespace trainbus::test
