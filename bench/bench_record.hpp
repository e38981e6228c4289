#pragma once
// The records that benches send: bytes as trainers put them on the bus. Only incarnation and sequence differ from one
// message to the next; they stand at the end, so that a message is made by copying a body and writing a short tail.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "trainbus/wire.hpp"

namespace trainbus::bench {

enum class Shape {
  kSmall,  // 300 B: a batch record with a few predictions
  kReal,   // 1.2 kB: the reference trainer's, 16 predictions with 3 scores each
  kTiles,  // 480 kB: 16 images of 30 kB, a live message
};

inline void add_prediction(v1::BatchData& batch, int index, int scores) {
  auto* prediction = batch.add_predictions();
  prediction->set_predicted_class(index % 10);
  prediction->set_predicted_label("automobile");
  prediction->set_confidence(0.7F);
  for (int i = 0; i < scores; ++i) {
    auto* score = prediction->add_top_k_scores();
    score->set_class_idx(i);
    score->set_label("airplane");
    score->set_score(0.3F);
  }
}

inline void add_images(v1::BatchData& batch) {
  constexpr int kImages = 16;
  constexpr std::size_t kImageBytes = 30'000;
  std::mt19937_64 random(1);
  for (int i = 0; i < kImages; ++i) {
    auto* image = batch.add_images();
    std::string bytes(kImageBytes, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    image->set_image_bytes(std::move(bytes));
    image->set_format("jpeg");
    image->set_width(256);
    image->set_height(256);
    image->set_channels(3);
  }
}

inline std::string topic_of(Shape shape, std::string_view session_id) {
  return (shape == Shape::kTiles ? "tiles/" : "batch/") + std::string(session_id) + '/';
}

// A record of this session without incarnation and sequence.
inline std::string body_of(Shape shape, std::string_view session_id) {
  v1::MetricsRequest record;
  record.set_session_id(std::string(session_id));
  record.set_timestamp_ms(unix_ms());
  auto& batch = *record.mutable_batch_data();
  batch.set_epoch(3);
  batch.set_batch_idx(17);
  batch.set_batch_size(64);
  batch.set_batch_loss(0.5);
  batch.set_batch_accuracy(0.9);
  batch.set_step(1234);
  const int predictions = shape == Shape::kSmall ? 9 : 16;
  for (int i = 0; i < predictions; ++i)
    add_prediction(batch, i, shape == Shape::kSmall ? 0 : 3);
  if (shape == Shape::kTiles) add_images(batch);
  return record.SerializeAsString();
}

// Fields 16 and 17 of a MetricsRequest; appended to a body they count.
inline void append_numbers(std::string& body, std::uint64_t incarnation, std::uint64_t sequence) {
  const auto varint = [&](std::uint64_t value) {
    for (; value > 127; value >>= 7)
      body += static_cast<char>(value | 128);
    body += static_cast<char>(value);
  };
  varint(v1::MetricsRequest::kIncarnationFieldNumber << 3);
  varint(incarnation);
  varint(v1::MetricsRequest::kSequenceFieldNumber << 3);
  varint(sequence);
}

}  // namespace trainbus::bench
