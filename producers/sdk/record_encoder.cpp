#include "record_encoder.hpp"

#include <cmath>

namespace trainbus {
namespace {

// Room for the envelope beside the payload.
constexpr std::size_t kMaxPayloadBytes = kMaxRecordBytes - 1024;

// How many bytes the UTF-8 character at the front has; 0 when it is none (overlong, surrogate, cut, above U+10FFFF).
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < count) return 0;
  for (std::size_t i = 1; i < count; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  const unsigned char second = byte(1);
  const bool bad_second = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                          (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return bad_second ? 0 : count;
}

void write(const BatchMetrics& metrics, std::int64_t timestamp_ms, std::uint64_t step, v1::MetricsRequest& message) {
  v1::BatchData& batch = *message.mutable_batch_data();
  batch.Clear();
  batch.set_epoch(metrics.epoch);
  batch.set_batch_idx(metrics.batch);
  batch.set_batch_size(metrics.batch_size);
  batch.set_batch_loss(metrics.loss);
  batch.set_batch_accuracy(metrics.accuracy);
  batch.set_learning_rate(metrics.learning_rate);
  batch.set_timestamp_ms(timestamp_ms);
  batch.set_step(step);
  for (const Prediction& prediction : metrics.predictions)
    write_prediction(prediction, *batch.add_predictions());
  batch.mutable_ground_truth()->Add(metrics.ground_truth.begin(), metrics.ground_truth.end());
  if (metrics.predictions.empty() || batch.ByteSizeLong() <= kMaxPayloadBytes) return;
  batch.clear_predictions();
  if (batch.ByteSizeLong() > kMaxPayloadBytes) batch.clear_ground_truth();
}

void write(const EpochMetrics& metrics, std::int64_t timestamp_ms, std::uint64_t step, v1::MetricsRequest& message) {
  v1::EpochData& epoch = *message.mutable_epoch_data();
  epoch.Clear();
  epoch.set_epoch(metrics.epoch);
  epoch.set_average_loss(metrics.average_loss);
  epoch.set_average_accuracy(metrics.average_accuracy);
  epoch.set_learning_rate(metrics.learning_rate);
  epoch.set_is_converged(metrics.is_converged);
  if (!std::isnan(metrics.validation_loss)) epoch.set_validation_loss(metrics.validation_loss);
  if (!std::isnan(metrics.validation_accuracy)) epoch.set_validation_accuracy(metrics.validation_accuracy);
  epoch.set_timestamp_ms(timestamp_ms);
  epoch.set_step(step);
}

void write(const PerfMetrics& metrics, std::int64_t timestamp_ms, std::uint64_t step, v1::MetricsRequest& message) {
  v1::PerformanceData& perf = *message.mutable_performance_data();
  perf.Clear();
  perf.set_time_per_batch_ms(metrics.time_per_batch_ms);
  perf.set_total_time_for_epoch_sec(metrics.total_time_for_epoch_sec);
  perf.set_estimated_time_remaining_sec(metrics.estimated_time_remaining_sec);
  perf.set_current_fps(metrics.current_fps);
  perf.set_average_fps(metrics.average_fps);
  perf.set_timestamp_ms(timestamp_ms);
  perf.set_step(step);
  if (metrics.cpu_percent < 0) return;
  v1::ResourceUsage& usage = *perf.mutable_resource_usage();
  usage.set_cpu_percent(metrics.cpu_percent);
  usage.set_memory_mb(metrics.memory_mb);
  usage.set_gpu_percent(metrics.gpu_percent);
  usage.set_gpu_memory_mb(metrics.gpu_memory_mb);
}

void write(const LoggedStatus& logged, std::int64_t timestamp_ms, std::uint64_t step, v1::MetricsRequest& message) {
  v1::StatusUpdate& status = *message.mutable_status_update();
  status.Clear();
  status.set_status(logged.status);
  status.set_message(clean_text(logged.message));
  status.set_timestamp_ms(timestamp_ms);
  status.set_step(step);
  if (logged.plan == nullptr) return;
  write_plan(*logged.plan, *status.mutable_config());
  if (status.ByteSizeLong() > kMaxPayloadBytes) status.mutable_config()->clear_class_names();
}

}  // namespace

void write_record(const LoggedRecord& record, v1::MetricsRequest& message) {
  message.set_timestamp_ms(record.timestamp_ms);
  std::visit([&](const auto& payload) { write(payload, record.timestamp_ms, record.step, message); }, record.payload);
}

void write_prediction(const Prediction& prediction, v1::Prediction& message) {
  message.set_predicted_class(prediction.predicted_class);
  message.set_predicted_label(clean_text(prediction.label));
  message.set_confidence(prediction.confidence);
  for (const auto& score : prediction.top_k) {
    v1::ClassScore& written = *message.add_top_k_scores();
    written.set_class_idx(score.class_idx);
    written.set_label(clean_text(score.label));
    written.set_score(score.score);
  }
}

void write_plan(const TrainingPlan& plan, v1::TrainingConfig& config) {
  config.set_total_epochs(plan.total_epochs);
  config.set_batches_per_epoch(plan.batches_per_epoch);
  config.set_batch_size(plan.batch_size);
  config.set_learning_rate(plan.learning_rate);
  config.set_model_name(clean_text(plan.model_name));
  config.set_dataset_name(clean_text(plan.dataset_name));
  for (const std::string& name : plan.class_names)
    config.add_class_names(clean_text(name));
}

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  std::string clean;
  clean.reserve(std::min(text.size(), max_bytes));
  while (!text.empty()) {
    const std::size_t count = character_bytes(text);
    const std::string_view character = count == 0 ? "?" : text.substr(0, count);
    if (clean.size() + character.size() > max_bytes) break;
    clean += character;
    text.remove_prefix(count == 0 ? 1 : count);
  }
  return clean;
}

}  // namespace trainbus
