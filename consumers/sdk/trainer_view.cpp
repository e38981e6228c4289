#include "trainbus/trainer_view.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "trainbus/knobs.hpp"

namespace trainbus {
namespace {

std::int64_t age(std::int64_t then_ms, std::int64_t now_ms) {
  constexpr auto kNever = std::numeric_limits<std::int64_t>::min();
  return then_ms == kNever ? -1 : std::max<std::int64_t>(0, now_ms - then_ms);
}

void latest(std::int64_t& time_ms, std::int64_t candidate_ms) { time_ms = std::max(time_ms, candidate_ms); }

}  // namespace

TrainerStanding standing_of(const v1::TrainerEntry& entry) {
  TrainerStanding standing{.live = entry.live(),
                           .newest = entry.newest() || entry.order() == 0,
                           .first_heard_ms = entry.first_heard_ms(),
                           .clock_skew_ms = {}};
  if (entry.has_clock_skew_ms()) standing.clock_skew_ms = entry.clock_skew_ms();
  return standing;
}

bool TrainerView::fold(Kind kind, const v1::MetricsRequest& message, std::int64_t now_ms, std::int64_t order,
                       std::int64_t age_ms) {
  if (!renew(message.incarnation(), order)) return false;
  silent_since_start_ = false;
  fold_at(kind, message, now_ms - std::max<std::int64_t>(0, age_ms));
  return true;
}

// The heartbeat, or the newest record, is as old as the entry says; from there the trainer's own clock leads to the
// others, so that no clock is compared with another machine's.
bool TrainerView::fold(const v1::TrainerEntry& entry, std::int64_t now_ms, std::int64_t broker_unix_ms) {
  if (!renew(entry.incarnation(), entry.order())) return false;
  standing_ = standing_of(entry);
  const auto heartbeat_age_ms = entry.last_heartbeat_age_ms();
  std::vector<std::pair<Kind, v1::MetricsRequest>> records;
  std::int64_t newest_own_ms = 0;
  std::int64_t taken_in_ms = 0;  // by the broker's clock
  std::optional<std::int64_t> heartbeat_own_ms;
  for (const auto& stored : entry.last()) {
    v1::MetricsRequest message;
    if (!message.ParseFromString(stored.message())) continue;
    newest_own_ms = std::max(newest_own_ms, record_ms(message));
    taken_in_ms = std::max(taken_in_ms, stored.taken_in_ms());
    if (stored.kind() == v1::KIND_HEARTBEAT && heartbeat_age_ms >= 0) heartbeat_own_ms = record_ms(message);
    records.emplace_back(stored.kind(), std::move(message));
  }
  // As they came, because steps are timed.
  std::ranges::stable_sort(records, {}, [](const auto& record) { return record_ms(record.second); });
  silent_since_start_ = heartbeat_age_ms < 0 && entry.last_record_age_ms() < 0;
  const auto shown_age_ms = std::max<std::int64_t>(0, broker_unix_ms - (taken_in_ms > 0 ? taken_in_ms : newest_own_ms));
  const auto clock_offset_ms =
      heartbeat_own_ms ? now_ms - heartbeat_age_ms - *heartbeat_own_ms
                       : now_ms - newest_own_ms - (silent_since_start_ ? shown_age_ms : entry.last_record_age_ms());
  const auto class_names = figures_.plan.value_or(v1::TrainingConfig{}).class_names();
  for (const auto& [kind, message] : records)
    fold_at(kind, message, std::min(record_ms(message) + clock_offset_ms, now_ms));
  put_back_class_names(class_names, entry.class_names_left_out());
  if (entry.last_record_age_ms() >= 0) times_.record_ms = now_ms - entry.last_record_age_ms();
  return true;
}

// A list leaves them out. They may be known from the record itself, or from a list that was whole.
void TrainerView::put_back_class_names(const google::protobuf::RepeatedPtrField<std::string>& known,
                                       std::uint32_t left_out) {
  const bool same = figures_.plan && left_out > 0 && known.size() == static_cast<int>(left_out);
  figures_.class_names_left_out = same ? 0 : left_out;
  if (same) *figures_.plan->mutable_class_names() = known;
}

// False when `incarnation` is an older one; a newer one starts from nothing.
bool TrainerView::renew(std::uint64_t incarnation, std::int64_t order) {
  const auto current = figures_.incarnation;
  if (incarnation == current) {
    if (order != 0) figures_.order = order;
    return true;
  }
  const bool ordered = order != 0 && figures_.order != 0;
  const bool is_older = ordered ? order < figures_.order : std::ranges::find(older_, incarnation) != older_.end();
  if (current != 0 && is_older) return false;
  auto older = std::move(older_);
  std::erase(older, incarnation);
  if (older.size() >= kMaxOlder) older.erase(older.begin());
  if (current != 0) older.push_back(current);
  *this = TrainerView(session_);
  older_ = std::move(older);
  figures_.incarnation = incarnation;
  figures_.order = order;
  return true;
}

void TrainerView::fold_at(Kind kind, const v1::MetricsRequest& message, std::int64_t heard_ms) {
  // Commands and alerts are published by others: they do not say that the trainer lives.
  if (kind == v1::KIND_HEARTBEAT)
    latest(times_.heartbeat_ms, heard_ms);
  else if (kind != v1::KIND_COMMAND && kind != v1::KIND_ALERT)
    latest(times_.record_ms, heard_ms);
  switch (message.payload_case()) {
    case v1::MetricsRequest::kBatchData: fold_batch(message, heard_ms); break;
    case v1::MetricsRequest::kEpochData: fold_epoch(message); break;
    case v1::MetricsRequest::kScalarData: fold_scalars(message); break;
    case v1::MetricsRequest::kPerformanceData: fold_perf(message.performance_data()); break;
    case v1::MetricsRequest::kStatusUpdate: fold_status(message.status_update()); break;
    case v1::MetricsRequest::kCommand: fold_command(message.command()); break;
    case v1::MetricsRequest::kHeartbeat: fold_heartbeat(message.heartbeat(), heard_ms); break;
    default: break;
  }
  derive();
}

std::int64_t TrainerView::heartbeat_age_ms(std::int64_t now_ms) const { return age(times_.heartbeat_ms, now_ms); }

std::int64_t TrainerView::last_record_age_ms(std::int64_t now_ms) const { return age(times_.record_ms, now_ms); }

std::int64_t TrainerView::last_heard_age_ms(std::int64_t now_ms) const {
  return age(std::max(times_.record_ms, times_.heartbeat_ms), now_ms);
}

LivenessFacts TrainerView::facts(std::int64_t now_ms, bool broker_reachable) const {
  LivenessFacts facts;
  facts.broker_reachable = broker_reachable;
  facts.status = figures_.status;
  facts.last_heard_age_ms = last_heard_age_ms(now_ms);
  if (silent_since_start_ && facts.last_heard_age_ms >= 0)
    facts.last_heard_age_ms = std::max(facts.last_heard_age_ms, kSilentSinceStartMs);
  facts.heartbeat_interval_ms = last_heartbeat_ ? static_cast<std::int64_t>(heartbeat_interval_ms_) : 0;
  facts.step = figures_.step;
  facts.last_step_age_ms = age(times_.step_ms, now_ms);
  facts.recent_step_ms =
      said_.time_per_batch_ms.value_or(0) > 0 ? *said_.time_per_batch_ms : pace_.step_ms().value_or(0);
  facts.promised_age_left_ms =
      times_.promise_until_ms == kNever ? 0 : std::max<std::int64_t>(0, times_.promise_until_ms - now_ms);
  return facts;
}

void TrainerView::fold_batch(const v1::MetricsRequest& message, std::int64_t heard_ms) {
  const auto& batch = message.batch_data();
  const auto step = batch.step() != 0 ? batch.step() : message.sequence();  // who does not count is counted
  latest(times_.step_ms, heard_ms);
  note_step(step, record_ms(message));
  note_epoch(batch.epoch());
  said_.epoch = batch.epoch();
  figures_.batch = batch.batch_idx();
  if (batch.batch_size() > 0) figures_.batch_size = batch.batch_size();
  if (batch.has_learning_rate()) note_learning_rate(batch.learning_rate(), step > 0 ? step - 1 : 0);
  if (batch.has_batch_loss()) {
    figures_.loss = batch.batch_loss();
    note_loss("loss", step, batch.batch_loss());
  }
  if (batch.has_batch_accuracy()) figures_.accuracy = batch.batch_accuracy();
  note_values(v1::KIND_BATCH, message.sequence(), batch.scalars());
}

void TrainerView::fold_epoch(const v1::MetricsRequest& message) {
  const auto& epoch = message.epoch_data();
  note_step(epoch.step(), 0);
  note_epoch(epoch.epoch());
  said_.epoch = std::max(said_.epoch.value_or(epoch.epoch()), epoch.epoch());
  finished_epoch_ = std::max(finished_epoch_.value_or(epoch.epoch()), epoch.epoch());
  if (epoch.has_learning_rate()) note_learning_rate(epoch.learning_rate(), epoch.step() > 0 ? epoch.step() - 1 : 0);
  if (epoch.has_average_loss()) {
    figures_.epoch_loss = epoch.average_loss();
    note_loss("epoch_loss", epoch.step(), epoch.average_loss());
  }
  if (epoch.has_average_accuracy()) figures_.epoch_accuracy = epoch.average_accuracy();
  if (epoch.has_validation_loss()) {
    figures_.validation_loss = epoch.validation_loss();
    note_loss("validation_loss", epoch.step(), epoch.validation_loss());
  }
  if (epoch.has_validation_accuracy()) figures_.validation_accuracy = epoch.validation_accuracy();
  note_values(v1::KIND_EPOCH, message.sequence(), epoch.scalars());
}

void TrainerView::fold_scalars(const v1::MetricsRequest& message) {
  note_step(message.scalar_data().step(), 0);
  note_values(v1::KIND_SCALARS, message.sequence(), message.scalar_data().values());
}

void TrainerView::fold_perf(const v1::PerformanceData& perf) {
  note_step(perf.step(), 0);
  if (perf.has_time_per_batch_ms()) said_.time_per_batch_ms = perf.time_per_batch_ms();
  if (perf.has_current_fps()) said_.fps = perf.current_fps();
  if (perf.has_estimated_time_remaining_sec()) said_.eta_sec = perf.estimated_time_remaining_sec();
  if (perf.has_average_fps()) figures_.average_fps = perf.average_fps();
  if (perf.has_resource_usage()) figures_.resources = perf.resource_usage();
}

void TrainerView::fold_status(const v1::StatusUpdate& status) {
  if (status.status() != figures_.status) pace_.interrupted();
  figures_.status = status.status();
  figures_.status_message = status.message();
  note_step(status.step(), 0);
  if (!status.has_config()) return;
  const auto& plan = status.config();
  figures_.plan = plan;
  figures_.class_names_left_out = 0;
  if (!figures_.batch_size && plan.batch_size() > 0) figures_.batch_size = plan.batch_size();
  if (!figures_.learning_rate && plan.has_learning_rate()) figures_.learning_rate = plan.learning_rate();
}

void TrainerView::fold_command(const v1::ControlCommand& command) {
  if (command.state() != v1::COMMAND_APPLIED) return;
  const std::string name = command_knob(command);
  const std::string* asked = command_value_text(command);
  const std::string text = !command.new_value().empty() || asked == nullptr ? command.new_value() : *asked;
  if (name.empty() || text.empty()) return;
  const auto number = read_number(text);
  if (name == kLearningRateKnob && number) note_learning_rate(*number, command.applied_step());
  if (name == kBatchSizeKnob && number && *number >= 1 && *number <= kMaxBatchSize)
    figures_.batch_size = static_cast<std::int32_t>(*number);
  if (!figures_.plan) return;
  for (auto& knob : *figures_.plan->mutable_knobs())
    if (knob.name() == name) knob.set_value(text);
}

void TrainerView::fold_heartbeat(const v1::Heartbeat& heartbeat, std::int64_t heard_ms) {
  const auto said_ms = static_cast<std::int64_t>(heartbeat.timestamp_ms());
  latest(times_.step_ms, heard_ms - heartbeat.since_last_step_ms());
  times_.promise_until_ms = heartbeat.next_checkin_ms() > 0 ? heard_ms + heartbeat.next_checkin_ms() : kNever;
  note_step(heartbeat.step(), said_ms - heartbeat.since_last_step_ms());
  if (heartbeat.has_tiles()) figures_.tiles = heartbeat.tiles();
  if (last_heartbeat_ && heartbeat.sequence_number() > last_heartbeat_->sequence_number()) {
    const auto beats = static_cast<double>(heartbeat.sequence_number() - last_heartbeat_->sequence_number());
    const auto elapsed_ms =
        static_cast<double>(heartbeat.timestamp_ms()) - static_cast<double>(last_heartbeat_->timestamp_ms());
    // Smoothed, so that one late heartbeat does not make the next prompt one look like a faster rhythm.
    if (elapsed_ms > 0) heartbeat_interval_ms_ += (elapsed_ms / beats - heartbeat_interval_ms_) / 4;
  }
  last_heartbeat_ = heartbeat;
}

// `own_ms`: when the step was finished, on the trainer's clock; 0: not known.
void TrainerView::note_step(std::uint64_t step, std::int64_t own_ms) {
  figures_.step = std::max(figures_.step, step);
  if (step > 0) pace_.take(step, own_ms);
}

void TrainerView::note_epoch(std::int32_t said) {
  if (said == 0) figures_.epoch_base = 0;
}

void TrainerView::note_loss(const char* name, std::uint64_t step, double value) {
  if (!std::isfinite(value) && !figures_.not_finite) figures_.not_finite = {name, step, value};
}

// Batches, epochs and commands come in any order among each other: the one of the latest step counts.
void TrainerView::note_learning_rate(double value, std::uint64_t steps_before) {
  if (steps_before < learning_rate_since_) return;
  figures_.learning_rate = value;
  learning_rate_since_ = steps_before;
}

template <class Values>
void TrainerView::note_values(Kind kind, std::uint64_t sequence, const Values& values) {
  auto& newest = newest_sequence_[kind];
  const bool is_new = sequence == 0 || sequence > newest;  // a list gives the same record again and again
  newest = std::max(newest, sequence);
  for (const auto& [name, value] : values) {
    const auto known = figures_.scalars.find(name);
    if (known != figures_.scalars.end())
      known->second = value;
    else if (figures_.scalars.size() < kMaxValueNames)
      figures_.scalars.emplace(name, value);
    else if (is_new)
      ++figures_.scalars_left_out;
  }
}

void TrainerView::derive() {
  derive_position();
  derive_rates();
}

void TrainerView::derive_position() {
  if (!said_.epoch) return;
  const std::int32_t total = figures_.plan ? figures_.plan->total_epochs() : 0;
  const std::int64_t number = std::int64_t{*said_.epoch} + 1 - figures_.epoch_base;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  figures_.epoch = static_cast<std::int32_t>(std::min(number, total > 0 ? total : kMost));
  const std::int32_t batches = figures_.plan ? figures_.plan->batches_per_epoch() : 0;
  if (finished_epoch_ && *finished_epoch_ >= *said_.epoch)
    figures_.epoch_progress = 1;
  else if (figures_.batch && batches > 0)
    figures_.epoch_progress = std::clamp((*figures_.batch + 1.0) / batches, 0.0, 1.0);
}

void TrainerView::derive_rates() {
  const auto step_ms = pace_.step_ms();
  figures_.derived.time_per_batch_ms = !said_.time_per_batch_ms && step_ms;
  figures_.time_per_batch_ms = said_.time_per_batch_ms ? said_.time_per_batch_ms : step_ms;
  const bool has_pace = step_ms && *step_ms > 0;
  figures_.derived.fps = !said_.fps && has_pace;
  figures_.fps = said_.fps ? said_.fps : has_pace ? std::optional(1000 / *step_ms) : std::nullopt;
  figures_.eta_sec = said_.eta_sec;
  figures_.derived.eta_sec = false;
  if (said_.eta_sec || !figures_.plan || !figures_.time_per_batch_ms || training_ended(figures_.status)) return;
  const double batches = figures_.plan->batches_per_epoch();
  const double all = batches * figures_.plan->total_epochs();
  if (all <= 0 || !std::isfinite(*figures_.time_per_batch_ms)) return;
  const double done = figures_.epoch ? (*figures_.epoch - 1 + figures_.epoch_progress.value_or(0)) * batches
                                     : static_cast<double>(figures_.first_step().value_or(0) + figures_.step);
  figures_.eta_sec = std::max(0.0, all - done) * *figures_.time_per_batch_ms / 1000;
  figures_.derived.eta_sec = true;
}

}  // namespace trainbus
