#include "record_encoder.hpp"

namespace trainbus {
namespace {

template <class Message, class Set, class Value>
void set_if_said(Message& message, Set set, const std::optional<Value>& value) {
  if (value) (message.*set)(*value);
}

const char* write(const BatchMetrics& metrics, const LoggedRecord& record, std::size_t max_bytes,
                  v1::BatchData& batch) {
  write_batch(metrics, record.timestamp_ms, record.step, batch);
  for (const Prediction& prediction : metrics.predictions)
    write_prediction(prediction, *batch.add_predictions());
  batch.mutable_ground_truth()->Add(metrics.ground_truth.begin(), metrics.ground_truth.end());
  const bool small = metrics.predictions.empty() && metrics.ground_truth.empty();
  if (small || batch.ByteSizeLong() <= max_bytes) return nullptr;
  batch.clear_predictions();
  if (batch.ByteSizeLong() <= max_bytes) return "predictions";
  batch.clear_ground_truth();
  return metrics.predictions.empty() ? "ground truth" : "predictions and ground truth";
}

const char* write(const EpochMetrics& metrics, const LoggedRecord& record, std::size_t, v1::EpochData& epoch) {
  epoch.set_epoch(metrics.epoch);
  set_if_said(epoch, &v1::EpochData::set_average_loss, metrics.average_loss);
  set_if_said(epoch, &v1::EpochData::set_average_accuracy, metrics.average_accuracy);
  set_if_said(epoch, &v1::EpochData::set_learning_rate, metrics.learning_rate);
  epoch.set_is_converged(metrics.is_converged);
  set_if_said(epoch, &v1::EpochData::set_validation_loss, metrics.validation_loss);
  set_if_said(epoch, &v1::EpochData::set_validation_accuracy, metrics.validation_accuracy);
  epoch.set_timestamp_ms(record.timestamp_ms);
  epoch.set_step(record.step);
  return nullptr;
}

const char* write(const PerfMetrics& metrics, const LoggedRecord& record, std::size_t, v1::PerformanceData& perf) {
  set_if_said(perf, &v1::PerformanceData::set_time_per_batch_ms, metrics.time_per_batch_ms);
  set_if_said(perf, &v1::PerformanceData::set_total_time_for_epoch_sec, metrics.total_time_for_epoch_sec);
  set_if_said(perf, &v1::PerformanceData::set_estimated_time_remaining_sec, metrics.estimated_time_remaining_sec);
  if (metrics.current_fps) perf.set_current_fps(static_cast<float>(*metrics.current_fps));
  if (metrics.average_fps) perf.set_average_fps(static_cast<float>(*metrics.average_fps));
  perf.set_timestamp_ms(record.timestamp_ms);
  perf.set_step(record.step);
  if (!metrics.resources) return nullptr;
  v1::ResourceUsage& usage = *perf.mutable_resource_usage();
  set_if_said(usage, &v1::ResourceUsage::set_cpu_percent, metrics.resources->cpu_percent);
  set_if_said(usage, &v1::ResourceUsage::set_memory_mb, metrics.resources->memory_mb);
  set_if_said(usage, &v1::ResourceUsage::set_gpu_percent, metrics.resources->gpu_percent);
  set_if_said(usage, &v1::ResourceUsage::set_gpu_memory_mb, metrics.resources->gpu_memory_mb);
  return nullptr;
}

void write_parameters(const std::map<std::string, std::string>& parameters, v1::TrainingConfig& config) {
  for (const auto& [name, value] : parameters)
    if (valid_value_name(name)) (*config.mutable_parameters())[name] = clean_text(value, kMaxTextBytes);
}

void write_plan(const SaidPlan& said, v1::TrainingConfig& config) {
  const TrainingPlan& plan = said.plan;
  config.set_total_epochs(plan.total_epochs);
  config.set_batches_per_epoch(plan.batches_per_epoch);
  config.set_batch_size(plan.batch_size);
  set_if_said(config, &v1::TrainingConfig::set_learning_rate, plan.learning_rate);
  config.set_model_name(clean_text(plan.model_name, kMaxTextBytes));
  config.set_dataset_name(clean_text(plan.dataset_name, kMaxTextBytes));
  for (const std::string& name : plan.class_names)
    config.add_class_names(clean_text(name, kMaxTextBytes));
  write_parameters(said.environment, config);
  write_parameters(plan.parameters, config);
  for (const std::string& tag : plan.tags)
    config.add_tags(clean_text(tag, kMaxValueNameBytes));
  config.set_notes(clean_text(plan.notes, kMaxNotesBytes));
  set_if_said(config, &v1::TrainingConfig::set_first_step, plan.first_step);
}

const char* write(const LoggedStatus& logged, const LoggedRecord& record, std::size_t max_bytes,
                  v1::StatusUpdate& status) {
  status.set_status(logged.status);
  status.set_message(clean_text(logged.message, kMaxTextBytes));
  status.set_timestamp_ms(record.timestamp_ms);
  status.set_step(record.step);
  if (logged.said == nullptr) return nullptr;
  v1::TrainingConfig& config = *status.mutable_config();
  write_plan(*logged.said, config);
  config.mutable_knobs()->Add(logged.knobs.begin(), logged.knobs.end());
  if (status.ByteSizeLong() <= max_bytes) return nullptr;
  config.clear_class_names();
  if (status.ByteSizeLong() <= max_bytes) return "class names";
  config.clear_parameters();
  return "class names and parameters";
}

const char* write(const LoggedScalars& logged, const LoggedRecord& record, std::size_t, v1::ScalarData& scalars) {
  scalars.set_step(record.step);
  scalars.set_epoch(logged.epoch);
  scalars.set_timestamp_ms(record.timestamp_ms);
  return nullptr;
}

template <class Payload, class Values>
WrittenPayload rewrite(Payload& payload, const Values& values, const LoggedRecord& record, std::size_t max_bytes) {
  payload.Clear();
  const char* left_out = write(values, record, max_bytes, payload);
  return {&payload, left_out};
}

}  // namespace

WrittenPayload write_payload(const LoggedRecord& record, std::size_t max_bytes, v1::MetricsRequest& message) {
  switch (kind_of(record)) {
    case v1::KIND_BATCH:
      return rewrite(*message.mutable_batch_data(), *std::get<const BatchMetrics*>(record.payload), record, max_bytes);
    case v1::KIND_EPOCH:
      return rewrite(*message.mutable_epoch_data(), *std::get<const EpochMetrics*>(record.payload), record, max_bytes);
    case v1::KIND_PERF:
      return rewrite(*message.mutable_performance_data(), *std::get<const PerfMetrics*>(record.payload), record,
                     max_bytes);
    case v1::KIND_STATUS:
      return rewrite(*message.mutable_status_update(), *std::get<const LoggedStatus*>(record.payload), record,
                     max_bytes);
    case v1::KIND_SCALARS:
      return rewrite(*message.mutable_scalar_data(), *std::get<const LoggedScalars*>(record.payload), record,
                     max_bytes);
    default: {
      message.mutable_media_data();  // only so that the message knows which payload it has
      return {std::get<const v1::MediaData*>(record.payload), nullptr};
    }
  }
}

void write_batch(const BatchMetrics& metrics, std::int64_t timestamp_ms, std::uint64_t step, v1::BatchData& batch) {
  batch.set_epoch(metrics.epoch);
  batch.set_batch_idx(metrics.batch);
  batch.set_batch_size(metrics.batch_size);
  set_if_said(batch, &v1::BatchData::set_batch_loss, metrics.loss);
  set_if_said(batch, &v1::BatchData::set_batch_accuracy, metrics.accuracy);
  set_if_said(batch, &v1::BatchData::set_learning_rate, metrics.learning_rate);
  batch.set_timestamp_ms(timestamp_ms);
  batch.set_step(step);
}

void write_prediction(const Prediction& prediction, v1::Prediction& message) {
  message.set_predicted_class(prediction.predicted_class);
  message.set_predicted_label(clean_text(prediction.label, kMaxTextBytes));
  message.set_confidence(prediction.confidence);
  for (const auto& score : prediction.top_k) {
    v1::ClassScore& written = *message.add_top_k_scores();
    written.set_class_idx(score.class_idx);
    written.set_label(clean_text(score.label, kMaxTextBytes));
    written.set_score(score.score);
  }
}

}  // namespace trainbus
