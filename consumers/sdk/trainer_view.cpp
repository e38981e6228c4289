#include "trainbus/trainer_view.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

std::int64_t age(std::int64_t then_ms, std::int64_t now_ms) {
  return then_ms == 0 ? -1 : std::max<std::int64_t>(0, now_ms - then_ms);
}

void latest(std::int64_t& time_ms, std::int64_t candidate_ms) { time_ms = std::max(time_ms, candidate_ms); }

}  // namespace

bool TrainerView::fold(Kind kind, const v1::MetricsRequest& message, std::int64_t now_ms, bool from_history) {
  if (!renew(message.incarnation())) return false;
  fold_at(kind, message, from_history ? std::min(message.timestamp_ms(), now_ms) : now_ms);
  return true;
}

bool TrainerView::fold(const v1::TrainerEntry& entry, std::int64_t now_ms) {
  if (!renew(entry.incarnation())) return false;
  std::vector<std::pair<Kind, v1::MetricsRequest>> records;
  std::int64_t clock_offset_ms = 0;  // of our clock against the trainer's, as the age of its heartbeat shows
  for (const auto& stored : entry.last()) {
    v1::MetricsRequest message;
    if (!message.ParseFromString(stored.message())) continue;
    if (stored.kind() == v1::KIND_HEARTBEAT && entry.last_heartbeat_age_ms() >= 0)
      clock_offset_ms = now_ms - entry.last_heartbeat_age_ms() - message.timestamp_ms();
    records.emplace_back(stored.kind(), std::move(message));
  }
  for (const auto& [kind, message] : records)
    fold_at(kind, message, std::min(message.timestamp_ms() + clock_offset_ms, now_ms));
  if (entry.last_record_age_ms() >= 0) times_.record_ms = now_ms - entry.last_record_age_ms();
  return true;
}

// False when `incarnation` is an older one; a newer one starts from nothing.
bool TrainerView::renew(std::uint64_t incarnation) {
  if (incarnation < figures_.incarnation) return false;
  if (incarnation > figures_.incarnation) *this = TrainerView(session_);
  figures_.incarnation = incarnation;
  return true;
}

void TrainerView::fold_at(Kind kind, const v1::MetricsRequest& message, std::int64_t heard_ms) {
  // Commands and alerts are published by others: they do not say that the trainer lives.
  if (kind == v1::KIND_HEARTBEAT)
    latest(times_.heartbeat_ms, heard_ms);
  else if (kind != v1::KIND_COMMAND && kind != v1::KIND_ALERT)
    latest(times_.record_ms, heard_ms);
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: fold_batch(message.batch_data(), heard_ms); break;
    case v1::MetricsRequest::kEpochData: fold_epoch(message.epoch_data()); break;
    case v1::MetricsRequest::kPerformanceData: fold_perf(message.performance_data()); break;
    case v1::MetricsRequest::kStatusUpdate: fold_status(message.status_update()); break;
    case v1::MetricsRequest::kCommand: fold_command(message.command()); break;
    case v1::MetricsRequest::kHeartbeat: fold_heartbeat(message.heartbeat(), heard_ms); break;
    default: break;
  }
}

std::int64_t TrainerView::heartbeat_age_ms(std::int64_t now_ms) const { return age(times_.heartbeat_ms, now_ms); }

std::int64_t TrainerView::last_record_age_ms(std::int64_t now_ms) const { return age(times_.record_ms, now_ms); }

LivenessFacts TrainerView::facts(std::int64_t now_ms, bool broker_reachable) const {
  LivenessFacts facts;
  facts.broker_reachable = broker_reachable;
  facts.status = figures_.status;
  facts.last_heard_age_ms = age(std::max(times_.record_ms, times_.heartbeat_ms), now_ms);
  facts.heartbeat_interval_ms = last_heartbeat_ ? static_cast<std::int64_t>(heartbeat_interval_ms_) : 0;
  facts.step = figures_.step;
  facts.last_step_age_ms = age(times_.step_ms, now_ms);
  // What the trainer measured leaves out its pauses; between heartbeats these count as steps.
  facts.recent_step_ms = figures_.time_per_batch_ms > 0 ? figures_.time_per_batch_ms : recent_step_ms_;
  facts.promised_age_left_ms = std::max<std::int64_t>(0, times_.promise_until_ms - now_ms);
  return facts;
}

void TrainerView::fold_batch(const v1::BatchData& batch, std::int64_t heard_ms) {
  latest(times_.step_ms, heard_ms);
  figures_.epoch = batch.epoch();
  figures_.batch = batch.batch_idx();
  figures_.step = std::max(figures_.step, batch.step());
  if (batch.batch_size() > 0) figures_.batch_size = batch.batch_size();
  if (batch.learning_rate() > 0) figures_.learning_rate = batch.learning_rate();
  figures_.loss = batch.batch_loss();
  figures_.loss_known = true;
  figures_.accuracy = batch.batch_accuracy();
}

void TrainerView::fold_epoch(const v1::EpochData& epoch) {
  figures_.epoch = std::max(figures_.epoch, epoch.epoch());
  figures_.step = std::max(figures_.step, epoch.step());
  figures_.epoch_loss = epoch.average_loss();
  figures_.epoch_accuracy = epoch.average_accuracy();
  if (epoch.learning_rate() > 0) figures_.learning_rate = epoch.learning_rate();
  if (epoch.has_validation_loss()) figures_.validation_loss = epoch.validation_loss();
  if (epoch.has_validation_accuracy()) figures_.validation_accuracy = epoch.validation_accuracy();
}

void TrainerView::fold_perf(const v1::PerformanceData& perf) {
  figures_.step = std::max(figures_.step, perf.step());
  figures_.time_per_batch_ms = perf.time_per_batch_ms();
  figures_.fps = perf.current_fps();
  figures_.average_fps = perf.average_fps();
  figures_.eta_sec = perf.estimated_time_remaining_sec();
  if (perf.has_resource_usage()) figures_.resources = perf.resource_usage();
}

void TrainerView::fold_status(const v1::StatusUpdate& status) {
  figures_.status = status.status();
  figures_.status_message = status.message();
  figures_.step = std::max(figures_.step, status.step());
  if (!status.has_config()) return;
  figures_.plan = status.config();
  if (figures_.batch_size < 0 && status.config().batch_size() > 0) figures_.batch_size = status.config().batch_size();
  if (std::isnan(figures_.learning_rate) && status.config().learning_rate() > 0)
    figures_.learning_rate = status.config().learning_rate();
}

void TrainerView::fold_command(const v1::ControlCommand& command) {
  if (command.state() != v1::COMMAND_APPLIED) return;
  const double value = command_value(command);
  if (command.type() == v1::CHANGE_LEARNING_RATE && value > 0) figures_.learning_rate = value;
  if (command.type() == v1::ADJUST_BATCH_SIZE && value >= 1 && value <= kMaxBatchSize)
    figures_.batch_size = static_cast<std::int32_t>(value);
}

void TrainerView::fold_heartbeat(const v1::Heartbeat& heartbeat, std::int64_t heard_ms) {
  latest(times_.step_ms, heard_ms - heartbeat.since_last_step_ms());
  times_.promise_until_ms = heartbeat.next_checkin_ms() > 0 ? heard_ms + heartbeat.next_checkin_ms() : 0;
  figures_.step = std::max(figures_.step, heartbeat.step());
  if (heartbeat.has_tiles()) figures_.tiles = heartbeat.tiles();
  if (last_heartbeat_ && heartbeat.sequence_number() > last_heartbeat_->sequence_number()) {
    const auto beats = static_cast<double>(heartbeat.sequence_number() - last_heartbeat_->sequence_number());
    const auto elapsed_ms = static_cast<double>(heartbeat.timestamp_ms() - last_heartbeat_->timestamp_ms());
    // Smoothed, so that one late heartbeat does not make the next prompt one look like a faster rhythm.
    if (elapsed_ms > 0) heartbeat_interval_ms_ += (elapsed_ms / beats - heartbeat_interval_ms_) / 4;
  }
  if (last_heartbeat_ && heartbeat.step() > last_heartbeat_->step()) {
    const auto stepped_at = [](const v1::Heartbeat& beat) { return beat.timestamp_ms() - beat.since_last_step_ms(); };
    const auto steps = static_cast<double>(heartbeat.step() - last_heartbeat_->step());
    recent_step_ms_ = std::max(0.0, static_cast<double>(stepped_at(heartbeat) - stepped_at(*last_heartbeat_)) / steps);
  }
  last_heartbeat_ = heartbeat;
}

}  // namespace trainbus
