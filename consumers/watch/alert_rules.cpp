#include "alert_rules.hpp"

#include <cmath>
#include <cstdio>
#include <optional>

#include "text_forms.hpp"

namespace trainbus {
namespace {

// FNV-1a, 64 bit: the same on every machine.
std::string fingerprint(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

// What the rules look at.
struct Sight {
  const TrainerView& view;
  Liveness state;
  std::int64_t now_ms;
  const LossWatch::BadLoss* bad_loss;
};

// A condition that holds now.
struct Condition {
  std::uint64_t start = 0;  // what the trainer had counted when it began
  std::string message;
  double value = 0;
};

std::optional<Condition> dead(const Sight& sight) {
  const auto& view = sight.view;
  if (sight.state != Liveness::kDead) return std::nullopt;
  const auto facts = view.facts(sight.now_ms);
  const auto silent_sec = static_cast<double>(facts.last_heard_age_ms) / 1000;
  const std::uint64_t start = view.heartbeat_number() > 0 ? view.heartbeat_number() : facts.step;
  return Condition{start,
                   "nothing heard for " + duration_text(silent_sec) + ", last at step " + std::to_string(facts.step),
                   silent_sec};
}

std::optional<Condition> stalled(const Sight& sight) {
  if (sight.state != Liveness::kStalled) return std::nullopt;
  const auto facts = sight.view.facts(sight.now_ms);
  const auto age_sec = static_cast<double>(facts.last_step_age_ms) / 1000;
  return Condition{facts.step, "no step for " + duration_text(age_sec) + " after step " + std::to_string(facts.step),
                   age_sec};
}

std::optional<Condition> not_finite(const Sight& sight) {
  const auto& figures = sight.view.figures();
  const bool newest_is_bad = figures.loss_known && !std::isfinite(figures.loss);
  if (sight.bad_loss == nullptr && !newest_is_bad) return std::nullopt;
  const auto bad = sight.bad_loss != nullptr ? *sight.bad_loss : LossWatch::BadLoss{figures.step, figures.loss};
  return Condition{bad.step, "the loss is " + number_text(bad.loss) + " at step " + std::to_string(bad.step), bad.loss};
}

struct Rule {
  const char* name;
  std::optional<Condition> (*holds)(const Sight&);
  const char* ended;
};
constexpr Rule kRules[] = {{"dead", dead, "heard again"},
                           {"stalled", stalled, "steps go on"},
                           {"not_finite", not_finite, "the loss is finite"}};

v1::Alert begun(const TrainerView& view, const Rule& rule, const Condition& condition, std::int64_t now_ms) {
  const auto incarnation = view.figures().incarnation;
  v1::Alert alert;
  alert.set_alert_id(std::string(rule.name) + '-' +
                     fingerprint(view.session().id() + ' ' + std::to_string(incarnation) + ' ' + rule.name + ' ' +
                                 std::to_string(condition.start)));
  alert.set_rule(rule.name);
  alert.set_message(condition.message);
  alert.set_active(true);
  alert.set_trainer_incarnation(incarnation);
  alert.set_timestamp_ms(now_ms);
  alert.set_value(condition.value);
  return alert;
}

v1::Alert ended(v1::Alert alert, const std::string& why, std::int64_t now_ms) {
  alert.set_active(false);
  alert.set_message(why);
  alert.set_timestamp_ms(now_ms);
  alert.clear_value();
  return alert;
}

}  // namespace

std::vector<AlertRules::Due> AlertRules::judge(const TrainerView& view, Liveness state, std::int64_t now_ms,
                                               const LossWatch::BadLoss* bad_loss) const {
  if (state == Liveness::kUnreachable) return {};
  const std::string session_id = view.session().id();
  const auto incarnation = view.figures().incarnation;
  std::vector<Due> due;
  for (const auto& rule : kRules) {
    const auto condition = rule.holds({view, state, now_ms, bad_loss});
    const auto incident = open_.find({session_id, incarnation, rule.name});
    if (condition && incident == open_.end())
      due.push_back({session_id, begun(view, rule, *condition, now_ms)});
    else if (!condition && incident != open_.end())
      due.push_back({session_id, ended(incident->second, rule.ended, now_ms)});
  }
  for (auto at = open_.lower_bound({session_id, 0, ""}); at != open_.end() && std::get<0>(at->first) == session_id;
       ++at)
    if (std::get<1>(at->first) < incarnation)
      due.push_back({session_id, ended(at->second, "a newer incarnation started", now_ms)});
  return due;
}

void AlertRules::stored(const std::string& session_id, const v1::Alert& alert) {
  const Incident incident{session_id, alert.trainer_incarnation(), alert.rule()};
  if (alert.active())
    open_[incident] = alert;
  else
    open_.erase(incident);
}

}  // namespace trainbus
