#include "rule_actions.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

#include "text_forms.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

std::string hex_hash(const std::string& text, std::uint64_t hash) {
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

// "applied at step 12 (0.01 -> 0.005)", "rejected: the training has ended"
std::string how_it_ended(const v1::ControlCommand& command) {
  std::string text(command_state_name(command.state()));
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  if (command.state() == v1::COMMAND_APPLIED) {
    text += " at step " + std::to_string(command.applied_step());
    if (!command.new_value().empty()) text += " (" + command.old_value() + " -> " + command.new_value() + ')';
  } else if (!command.reason().empty()) {
    text += ": " + command.reason();
  }
  return text;
}

// Nine digits are more than anybody writes, and leave out what multiplying adds: 0.1 x 0.7 is 0.07.
std::string value_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

}  // namespace

std::string action_command_id(const std::string& session_id, const std::string& alert_id) {
  const std::string text = session_id + ' ' + alert_id;
  return hex_hash(text, 0xcbf29ce484222325) + hex_hash(text, 0x9e3779b97f4a7c15);
}

void RuleActions::take(const v1::MetricsRequest& record) {
  if (record.has_command()) {
    if (record.command().issuer().starts_with("watch:")) answered(record.command().command_id(), record.command());
    return;
  }
  const auto& alert = record.alert();
  const std::string& session_id = record.session_id();
  if (is_action_alert(alert)) {
    std::erase_if(pending_, [&](const auto& entry) {
      return entry.second.session_id == session_id &&
             action_alert_id(entry.second.alert.alert_id()) == alert.alert_id();
    });
    return;
  }
  const Rule* rule = rules_.rule_of(session_id, alert.rule());
  if (!alert.active() || rule == nullptr || !rule->action) return;
  pending_.try_emplace(action_command_id(session_id, alert.alert_id()), Pending{session_id, alert, rule});
}

void RuleActions::answered(const std::string& command_id, const v1::ControlCommand& command) {
  const auto found = pending_.find(command_id);
  if (found == pending_.end()) return;
  found->second.sent = true;
  if (command_ended(command.state())) end(found->second, how_it_ended(command));
}

void RuleActions::refused(const std::string& command_id, const std::string& error) {
  const auto found = pending_.find(command_id);
  if (found != pending_.end()) end(found->second, "not done: " + error);
}

void RuleActions::end(Pending& pending, const std::string& how) const {
  if (pending.outcome.empty()) pending.outcome = pending.rule->action->text + ' ' + how;
}

std::vector<DueCommand> RuleActions::due(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms) {
  std::erase_if(pending_, [&](const auto& entry) {
    const auto& pending = entry.second;
    return !pending.sent && pending.outcome.empty() &&
           now_ms - static_cast<std::int64_t>(pending.alert.timestamp_ms()) > kSoonMs;
  });
  std::vector<DueCommand> due;
  for (auto& [command_id, pending] : pending_) {
    if (pending.sent || !pending.outcome.empty()) continue;
    auto row = std::find_if(rows.begin(), rows.end(), [&, &wanted = pending](const auto& each) {
      return each.view->session().id() == wanted.session_id &&
             each.view->figures().incarnation == wanted.alert.trainer_incarnation();
    });
    if (row == rows.end()) {
      if (now_ms - static_cast<std::int64_t>(pending.alert.timestamp_ms()) < kOldListMs) continue;
      row = std::find_if(rows.begin(), rows.end(), [&, &wanted = pending](const auto& each) {
        return each.view->session().id() == wanted.session_id;
      });
    }
    if (row == rows.end() || row->state == Liveness::kUnreachable) continue;
    auto command = command_for(command_id, pending, *row);
    if (pending.outcome.empty()) due.push_back({pending.session_id, std::move(command)});
  }
  return due;
}

v1::ControlCommand RuleActions::command_for(const std::string& command_id, Pending& pending,
                                            const TrainerTable::Row& row) const {
  const auto& action = *pending.rule->action;
  const auto& figures = row.view->figures();
  v1::ControlCommand command;
  command.set_type(action.type);
  command.set_command_id(command_id);
  command.set_expected_incarnation(pending.alert.trainer_incarnation());
  command.set_time_to_live_ms(kDeadlineMs);
  command.set_issuer(("watch:" + pending.rule->name + '@' + host_).substr(0, 128));
  auto& parameters = *command.mutable_parameters();
  const double rate = figures.learning_rate.value_or(std::nan(""));
  if (action.value > 0) parameters["value"] = value_text(action.relative ? action.value * rate : action.value);
  if (!action.knob.empty()) parameters["name"] = action.knob;
  if (action.knob_value) parameters["value"] = *action.knob_value;
  const bool gone = row.state == Liveness::kDead || row.state == Liveness::kCompleted ||
                    row.state == Liveness::kFailed || row.state == Liveness::kStopped;
  if (figures.incarnation != pending.alert.trainer_incarnation())
    end(pending, "not done: that incarnation has ended");
  else if (gone)
    end(pending, "not done: the trainer is " + std::string(liveness_name(row.state)));
  else if (action.relative && !std::isfinite(rate))
    end(pending, figures.learning_rate ? "not done: the learning rate is " + figure_text(rate)
                                       : "not done: the trainer never said its learning rate");
  else if (const auto problem = command_problem(command); !problem.empty())
    end(pending, "not done: " + problem);
  return command;
}

std::vector<DueAlert> RuleActions::outcomes(std::int64_t now_ms) const {
  std::vector<DueAlert> due;
  for (const auto& [command_id, pending] : pending_) {
    if (pending.outcome.empty()) continue;
    v1::Alert alert = pending.alert;
    alert.set_alert_id(action_alert_id(pending.alert.alert_id()));
    alert.set_message(pending.outcome);
    alert.set_timestamp_ms(now_ms);
    alert.clear_value();
    due.push_back({pending.session_id, std::move(alert)});
  }
  return due;
}

}  // namespace trainbus
