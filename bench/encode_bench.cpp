// What one message costs: encode and decode of a batch record of 300 B and of 16 tiles of 256 px, and the topic.
#include <benchmark/benchmark.h>

#include <string>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kRecordBytes = 300;
constexpr std::size_t kTileBytes = 30 << 10;  // a 256 px JPEG of quality 85

v1::MetricsRequest envelope() {
  v1::MetricsRequest message;
  message.set_session_id("mnist/trainer-0");
  message.set_timestamp_ms(unix_ms());
  message.set_incarnation(new_incarnation());
  message.set_sequence(123456);
  return message;
}

void fill_scalars(v1::BatchData& batch) {
  batch.set_epoch(3);
  batch.set_batch_idx(1234);
  batch.set_batch_size(64);
  batch.set_batch_loss(0.123456789);
  batch.set_batch_accuracy(0.984375);
  batch.set_timestamp_ms(unix_ms());
  batch.set_step(123456);
  batch.set_learning_rate(0.001);
}

void add_prediction(v1::BatchData& batch) {
  auto& prediction = *batch.add_predictions();
  prediction.set_predicted_class(7);
  prediction.set_predicted_label("seven");
  prediction.set_confidence(0.75F);
  batch.add_ground_truth(7);
}

v1::MetricsRequest batch_record() {
  auto message = envelope();
  fill_scalars(*message.mutable_batch_data());
  while (message.ByteSizeLong() < kRecordBytes)
    add_prediction(*message.mutable_batch_data());
  return message;
}

// Into a message that is used again: nothing is allocated once it has grown.
void fill_tiles(v1::MetricsRequest& message, const std::string& jpeg) {
  auto& batch = *message.mutable_batch_data();
  batch.clear_images();
  batch.clear_predictions();
  batch.clear_ground_truth();
  fill_scalars(batch);
  for (int tile = 0; tile < kMaxImages; ++tile) {
    auto& image = *batch.add_images();
    image.set_image_bytes(jpeg);
    image.set_format("jpeg");
    image.set_width(256);
    image.set_height(256);
    image.set_channels(3);
    add_prediction(batch);
  }
}

// `fill` is run and the message serialized into a buffer that is used again.
template <typename Fill>
void encode(benchmark::State& state, v1::MetricsRequest message, Fill fill) {
  std::string buffer;
  for (auto _ : state) {
    fill(message);
    buffer.resize(message.ByteSizeLong());
    message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(buffer.data()));
    benchmark::DoNotOptimize(buffer.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * buffer.size()));
  state.counters["bytes"] = static_cast<double>(buffer.size());
}

void decode(benchmark::State& state, Kind kind, const v1::MetricsRequest& message) {
  const std::string bytes = message.SerializeAsString();
  const std::string topic_bytes = topic_text(kind, "mnist", "trainer-0");
  Topic topic;
  v1::MetricsRequest decoded;
  for (auto _ : state) {
    if (decode_record(topic_bytes, bytes, topic, decoded) != WireError::kNone) state.SkipWithError("not decoded");
    benchmark::DoNotOptimize(decoded.sequence());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes.size()));
  state.counters["bytes"] = static_cast<double>(bytes.size());
}

void EncodeBatchRecord(benchmark::State& state) {
  encode(state, batch_record(), [](v1::MetricsRequest& message) { message.set_sequence(message.sequence() + 1); });
}
BENCHMARK(EncodeBatchRecord);

void DecodeBatchRecord(benchmark::State& state) { decode(state, v1::KIND_BATCH, batch_record()); }
BENCHMARK(DecodeBatchRecord);

void FillAndEncodeTiles(benchmark::State& state) {
  const std::string jpeg(kTileBytes, 'j');
  encode(state, envelope(), [&](v1::MetricsRequest& message) { fill_tiles(message, jpeg); });
}
BENCHMARK(FillAndEncodeTiles);

void DecodeTiles(benchmark::State& state) {
  auto message = envelope();
  fill_tiles(message, std::string(kTileBytes, 'j'));
  decode(state, v1::KIND_TILES, message);
}
BENCHMARK(DecodeTiles);

void ParseTopic(benchmark::State& state) {
  const std::string bytes = topic_text(v1::KIND_BATCH, "mnist", "trainer-0");
  for (auto _ : state) {
    auto topic = parse_topic(bytes);
    if (!topic) state.SkipWithError("not a topic");
    benchmark::DoNotOptimize(topic);
  }
}
BENCHMARK(ParseTopic);

}  // namespace
}  // namespace trainbus

BENCHMARK_MAIN();
