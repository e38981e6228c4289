#include "client_commands.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "trainbus/knobs.hpp"
#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr double kFloatPrecision = 1e-6;  // a client may keep its learning rate as a float

bool same(double one, double other) { return std::abs(one - other) <= kFloatPrecision * std::abs(other); }

bool said(const v1::MetricsRequest& record, v1::TrainingStatus status) {
  return record.payload_case() == v1::MetricsRequest::kStatusUpdate && record.status_update().status() == status;
}

std::optional<double> learning_rate(const v1::MetricsRequest& record) {
  if (record.has_batch_data() && record.batch_data().has_learning_rate()) return record.batch_data().learning_rate();
  if (record.has_epoch_data() && record.epoch_data().has_learning_rate()) return record.epoch_data().learning_rate();
  return {};
}

std::optional<double> batch_size(const v1::MetricsRequest& record) {
  if (record.has_batch_data() && record.batch_data().batch_size() > 0) return record.batch_data().batch_size();
  return {};
}

}  // namespace

v1::ControlCommand ClientCommands::sent(v1::ControlCommand command, std::int64_t now_ms) {
  const std::int64_t left = command.time_to_live_ms();
  sent_.push_back(
      {command, left > 0 ? now_ms + std::min(left, std::int64_t{1} << 40) : std::numeric_limits<std::int64_t>::max()});
  const std::string name = command_knob(command);
  if (command.type() != v1::SET_KNOB || (name != kLearningRateKnob && name != kBatchSizeKnob)) return command;
  command.set_type(name == kLearningRateKnob ? v1::CHANGE_LEARNING_RATE : v1::ADJUST_BATCH_SIZE);
  command.mutable_parameters()->erase("name");
  return command;
}

bool ClientCommands::shows(const v1::ControlCommand& command, const v1::MetricsRequest& record) {
  const std::string knob = command_knob(command);
  if (knob == kLearningRateKnob || knob == kBatchSizeKnob) {
    const auto shown = knob == kLearningRateKnob ? learning_rate(record) : batch_size(record);
    return shown && same(*shown, command_value(command));
  }
  switch (command.type()) {
    case v1::PAUSE_TRAINING: return said(record, v1::PAUSED);
    case v1::RESUME_TRAINING: return said(record, v1::RUNNING);
    case v1::STOP_TRAINING:
      return record.payload_case() == v1::MetricsRequest::kStatusUpdate &&
             training_ended(record.status_update().status());
    default: return false;
  }
}

std::vector<v1::ControlCommand> ClientCommands::seen(const v1::MetricsRequest& record, std::uint64_t step) {
  std::vector<v1::ControlCommand> answers;
  if (record.payload_case() == v1::MetricsRequest::kCommandReport) {
    const v1::ControlCommand& report = record.command_report();
    if (!command_ended(report.state())) return answers;
    const auto reported =
        std::ranges::find(sent_, report.command_id(), [](const Sent& sent) { return sent.command.command_id(); });
    if (reported == sent_.end()) return answers;
    v1::ControlCommand answer = std::move(reported->command);
    answer.set_state(report.state());
    answer.set_applied_step(report.applied_step() != 0 ? report.applied_step() : step);
    answer.set_old_value(clean_text(report.old_value(), kMaxKnobValueBytes));
    answer.set_new_value(clean_text(report.new_value(), kMaxKnobValueBytes));
    answer.set_reason(clean_text(report.reason(), kMaxTextBytes));
    sent_.erase(reported);
    answers.push_back(std::move(answer));
    return answers;
  }
  for (auto sent = sent_.begin(); sent != sent_.end();) {
    if (!shows(sent->command, record)) {
      ++sent;
      continue;
    }
    answers.push_back(applied(std::move(sent->command), step));
    sent = sent_.erase(sent);
  }
  remember(record);
  return answers;
}

std::vector<v1::ControlCommand> ClientCommands::stream_ended(std::uint64_t step) {
  std::vector<v1::ControlCommand> answers;
  for (Sent& sent : sent_)
    if (sent.command.type() == v1::STOP_TRAINING) answers.push_back(applied(std::move(sent.command), step));
  std::erase_if(sent_, [](const Sent& sent) { return sent.command.type() == v1::STOP_TRAINING; });
  return answers;
}

std::vector<v1::ControlCommand> ClientCommands::expired(std::int64_t now_ms) {
  std::vector<v1::ControlCommand> answers;
  const auto passed = [now_ms](const Sent& sent) { return sent.until_ms <= now_ms; };
  for (const Sent& sent : sent_) {
    if (!passed(sent)) continue;
    answers.push_back(sent.command);
    answers.back().set_state(v1::COMMAND_EXPIRED);
    answers.back().set_reason("sent to the client, which did not show in time that it obeys");
  }
  std::erase_if(sent_, passed);
  return answers;
}

void ClientCommands::remember(const v1::MetricsRequest& record) {
  if (const auto rate = learning_rate(record)) shown_.learning_rate = rate;
  if (const auto size = batch_size(record)) shown_.batch_size = size;
}

v1::ControlCommand ClientCommands::applied(v1::ControlCommand command, std::uint64_t step) const {
  const std::string knob = command_knob(command);
  command.set_state(v1::COMMAND_APPLIED);
  command.set_applied_step(step);
  const auto before = knob == kLearningRateKnob ? shown_.learning_rate
                      : knob == kBatchSizeKnob  ? shown_.batch_size
                                                : std::nullopt;
  if (before) command.set_old_value(number_text(*before));
  if (!knob.empty()) command.set_new_value(number_text(command_value(command)));
  return command;
}

}  // namespace trainbus
