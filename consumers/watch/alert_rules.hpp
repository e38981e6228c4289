#pragma once
// When an alert is to be raised, and when it ends: once per incident, whoever watches and however often it restarts.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "condition.hpp"

namespace trainbus {

// An alert that a rule has something to do with.
struct DueAlert {
  std::string session_id;
  v1::Alert alert;
};

// Pure: time is a parameter, alerts come out as values and are open only once the journal has them (stored()). An
// incident is named by what the trainer itself counts (its heartbeats, its steps), so two watchers give it the same
// id. Single-threaded; bounded by the trainers and the windows of the conditions.
class AlertRules {
 public:
  // Silent for longer, a trainer's records begin and end nothing but dead, stalled and not_finite.
  static constexpr std::int64_t kLatelyMs = 600'000;

  // `acting`: what a rule does is done, not only mentioned.
  explicit AlertRules(RuleSet rules = default_rules(), bool acting = false);
  AlertRules(const AlertRules&) = delete;
  AlertRules& operator=(const AlertRules&) = delete;

  // A batch, epoch, scalars or perf record; `order` of its incarnation, 0: not known.
  void take(const v1::MetricsRequest& record, std::int64_t order = 0);
  // An epoch of before this watcher: only for conditions that look so far back. To be taken before any other record.
  void take_history(const v1::MetricsRequest& record, std::int64_t order = 0);

  // What must be raised about this trainer now (of one name: the newest last): conditions that began, and open ones
  // that ended. Again and again until stored(). Nothing while the trainer is unreachable.
  std::vector<DueAlert> judge(const TrainerView& view, Liveness state, std::int64_t now_ms);
  // All that was due of it at this look is stored: what happened between two looks is forgotten.
  void looked(const std::string& session_id, std::uint64_t incarnation);

  // The journal has this alert: raised just now, by another watcher, or read from the history.
  void stored(const std::string& session_id, const v1::Alert& alert);
  // Incidents that have begun and not ended.
  std::size_t open() const { return open_.size(); }

 private:
  using Incident = std::tuple<std::string, std::uint64_t, std::string>;  // session, incarnation, rule

  // One rule over one incarnation.
  struct Watched {
    const Rule* rule;
    std::unique_ptr<Judge> judge;
    std::uint64_t start = 0;                          // of what holds
    std::optional<std::int64_t> holds_since_ms = {};  // at every look
    std::optional<std::int64_t> clear_since_ms = {};
  };
  struct Trainer {
    std::uint64_t incarnation = 0;
    std::int64_t order = 0;
    std::vector<Watched> watched = {};
    bool judged = false;  // beside the newest, at this look
  };
  // Incarnations of a name, oldest first: the newest, and those that are alive beside it.
  using Trainers = std::vector<Trainer>;
  static constexpr std::size_t kMaxOfAName = 16;  // as many as the broker knows in full; policy: forget the oldest

  void take(const v1::MetricsRequest& record, std::int64_t order, bool is_history);
  Trainer* trainer(const std::string& session_id, std::uint64_t incarnation, std::int64_t order, bool beside);
  std::optional<v1::Alert> judge(Watched& watched, const Sight& sight);
  std::optional<v1::Alert> begun(Watched& watched, const Sight& sight, const Finding& finding) const;
  bool is_quiet(const std::string& session_id, const Rule& rule, std::int64_t now_ms) const;
  void end_older(const std::string& session_id, const Trainers& trainers, std::int64_t now_ms,
                 std::vector<DueAlert>& due) const;
  const Rule* rule_named(const std::string& name) const;

  const RuleSet rules_;
  const bool acting_;
  std::unordered_map<std::string, Trainers> trainers_;     // by session id
  std::set<std::pair<std::string, std::uint64_t>> older_;  // that a newer one followed
  std::map<Incident, v1::Alert> open_;
  std::set<Incident> happened_;                                                 // of conditions without an end
  std::map<std::pair<std::string, std::string>, std::int64_t> last_raised_ms_;  // session, rule
};

// The second alert of an incident says how its action ended; it neither begins nor ends anything.
std::string action_alert_id(const std::string& incident_id);
bool is_action_alert(const v1::Alert& alert);

}  // namespace trainbus
