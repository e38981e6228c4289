#include "alert_rules.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace trainbus {
namespace {

constexpr std::string_view kActionSuffix = "-action";

// FNV-1a, 64 bit: the same on every machine.
std::string fingerprint(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
  return digits;
}

std::string incident_id(const Rule& rule, const TrainerView& view, std::uint64_t start) {
  return rule.name + '-' +
         fingerprint(view.session().id() + ' ' + std::to_string(view.figures().incarnation) + ' ' + rule.name + ' ' +
                     std::to_string(start));
}

v1::Alert ended(v1::Alert alert, const std::string& why, std::int64_t now_ms) {
  alert.set_active(false);
  alert.set_message(why);
  alert.set_timestamp_ms(now_ms);
  alert.clear_value();
  return alert;
}

bool heard_lately(const Sight& sight) {
  const auto age_ms = sight.view.facts(sight.now_ms).last_heard_age_ms;
  return age_ms >= 0 && age_ms <= AlertRules::kLatelyMs;
}

}  // namespace

std::string action_alert_id(const std::string& incident_id) { return incident_id + std::string(kActionSuffix); }
bool is_action_alert(const v1::Alert& alert) { return std::string_view(alert.alert_id()).ends_with(kActionSuffix); }

AlertRules::AlertRules(RuleSet rules, bool acting) : rules_(std::move(rules)), acting_(acting) {}

void AlertRules::take(const v1::MetricsRequest& record, std::int64_t order) { take(record, order, false); }
void AlertRules::take_history(const v1::MetricsRequest& record, std::int64_t order) { take(record, order, true); }

void AlertRules::take(const v1::MetricsRequest& record, std::int64_t order, bool is_history) {
  Trainer* of = trainer(record.session_id(), record.incarnation(), order, false);
  if (of == nullptr) return;
  for (auto& watched : of->watched)
    if (!is_history || facts_of(watched.rule->condition.kind).reads_epochs) watched.judge->take(record);
}

// nullptr: one that was followed by another, and is not known to be alive beside it. Where no order is known, one that
// another followed is the older.
AlertRules::Trainer* AlertRules::trainer(const std::string& session_id, std::uint64_t incarnation, std::int64_t order,
                                         bool beside) {
  Trainers& trainers = trainers_[session_id];
  if (const auto known = std::ranges::find(trainers, incarnation, &Trainer::incarnation); known != trainers.end()) {
    if (order != 0) known->order = order;
    return &*known;
  }
  const bool ordered = order != 0 && !trainers.empty() && trainers.back().order != 0;
  const bool followed = !trainers.empty() && (ordered ? order < trainers.back().order
                                                      : beside || older_.contains({session_id, incarnation}));
  if (followed && !beside) return nullptr;
  if (trainers.size() >= kMaxOfAName) trainers.erase(trainers.begin());
  if (!followed && !trainers.empty()) older_.emplace(session_id, trainers.back().incarnation);
  if (!followed) older_.erase({session_id, incarnation});
  Trainer added{.incarnation = incarnation, .order = order};
  for (const auto& rule : rules_.rules)
    if (rule.matches(session_id))
      if (auto judge = make_judge(rule.condition)) added.watched.push_back({&rule, std::move(judge)});
  return &*trainers.insert(followed ? trainers.end() - 1 : trainers.end(), std::move(added));
}

std::vector<DueAlert> AlertRules::judge(const TrainerView& view, Liveness state, std::int64_t now_ms) {
  if (state == Liveness::kUnreachable) return {};
  const std::string session_id = view.session().id();
  const auto& figures = view.figures();
  const bool newest = view.standing().newest;
  Trainer* judged = trainer(session_id, figures.incarnation, figures.order, !newest);
  if (judged == nullptr) return {};
  Trainers& trainers = trainers_.at(session_id);
  // The list is older than the records; again at the next look.
  if (newest && judged != &trainers.back()) return {};
  judged->judged = !newest;
  std::vector<DueAlert> due;
  for (auto& watched : judged->watched)
    if (auto alert = judge(watched, {view, state, now_ms})) due.push_back({session_id, std::move(*alert)});
  if (!newest) return due;
  // This look is over for the name: those that it did not list are gone.
  std::erase_if(trainers, [&](const Trainer& each) { return each.incarnation != figures.incarnation && !each.judged; });
  for (auto& each : trainers)
    each.judged = false;
  end_older(session_id, trainers, now_ms, due);
  return due;
}

std::optional<v1::Alert> AlertRules::judge(Watched& watched, const Sight& sight) {
  const auto& facts = facts_of(watched.rule->condition.kind);
  const Incident incident{sight.view.session().id(), sight.view.figures().incarnation, watched.rule->name};
  if (happened_.contains(incident) || (!facts.any_time && !heard_lately(sight))) return std::nullopt;
  const auto open = open_.find(incident);
  const auto finding = watched.judge->judge(sight, open != open_.end());
  if (finding.answer == Finding::kHolds) {
    watched.clear_since_ms.reset();
    return open == open_.end() ? begun(watched, sight, finding) : std::nullopt;
  }
  if (finding.answer == Finding::kUnknown) return std::nullopt;
  watched.holds_since_ms.reset();
  if (open == open_.end()) return std::nullopt;
  if (!watched.clear_since_ms) watched.clear_since_ms = sight.now_ms;
  if (sight.now_ms - *watched.clear_since_ms < watched.rule->clear_after_ms) return std::nullopt;
  return ended(open->second, finding.message, sight.now_ms);
}

std::optional<v1::Alert> AlertRules::begun(Watched& watched, const Sight& sight, const Finding& finding) const {
  const auto& rule = *watched.rule;
  if (!watched.holds_since_ms) {
    watched.holds_since_ms = sight.now_ms;
    watched.start = finding.start;
  }
  if (sight.now_ms - *watched.holds_since_ms < rule.for_ms) return std::nullopt;
  if (is_quiet(sight.view.session().id(), rule, sight.now_ms)) return std::nullopt;
  std::string message = finding.message;
  if (rule.action)
    message += acting_ ? "; action: " + rule.action->text : "; would " + rule.action->text + " (acting is off)";
  v1::Alert alert;
  alert.set_alert_id(incident_id(rule, sight.view, watched.start));
  alert.set_rule(rule.name);
  alert.set_message(message);
  alert.set_active(true);
  alert.set_trainer_incarnation(sight.view.figures().incarnation);
  alert.set_timestamp_ms(sight.now_ms);
  alert.set_value(finding.value);
  return alert;
}

bool AlertRules::is_quiet(const std::string& session_id, const Rule& rule, std::int64_t now_ms) const {
  const auto last = last_raised_ms_.find({session_id, rule.name});
  return last != last_raised_ms_.end() && now_ms - last->second < rule.quiet_ms;
}

// Only what these rules raise, of those that are not judged any more.
void AlertRules::end_older(const std::string& session_id, const Trainers& trainers, std::int64_t now_ms,
                           std::vector<DueAlert>& due) const {
  for (auto at = open_.lower_bound({session_id, 0, ""}); at != open_.end() && std::get<0>(at->first) == session_id;
       ++at) {
    const Rule* rule = rule_named(std::get<2>(at->first));
    if (rule != nullptr && !facts_of(rule->condition.kind).raised_elsewhere &&
        std::ranges::find(trainers, std::get<1>(at->first), &Trainer::incarnation) == trainers.end())
      due.push_back({session_id, ended(at->second, "a newer incarnation started", now_ms)});
  }
}

void AlertRules::looked(const std::string& session_id, std::uint64_t incarnation) {
  const auto found = trainers_.find(session_id);
  if (found == trainers_.end()) return;
  for (auto& trainer : found->second)
    if (trainer.incarnation == incarnation)
      for (auto& watched : trainer.watched)
        watched.judge->looked();
}

void AlertRules::stored(const std::string& session_id, const v1::Alert& alert) {
  if (is_action_alert(alert)) return;
  Incident incident{session_id, alert.trainer_incarnation(), alert.rule()};
  if (!alert.active()) {
    open_.erase(incident);
    return;
  }
  auto& last_ms = last_raised_ms_[{session_id, alert.rule()}];
  last_ms = std::max(last_ms, static_cast<std::int64_t>(alert.timestamp_ms()));
  const Rule* rule = rule_named(alert.rule());
  if (rule != nullptr && !facts_of(rule->condition.kind).has_end)
    happened_.insert(std::move(incident));
  else
    open_[incident] = alert;
}

const Rule* AlertRules::rule_named(const std::string& name) const {
  const auto found =
      std::find_if(rules_.rules.begin(), rules_.rules.end(), [&](const Rule& rule) { return rule.name == name; });
  return found == rules_.rules.end() ? nullptr : &*found;
}

}  // namespace trainbus
