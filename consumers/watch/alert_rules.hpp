#pragma once
// When an alert is to be raised, and when it ends: once per incident, whoever watches and however often it restarts.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "loss_watch.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

// Rules: "dead", "stalled", "not_finite" (the loss). Pure: time is a parameter, alerts come out as values and are open
// only once the journal has them (stored()). An incident is named by what the trainer itself counts (its heartbeats,
// its steps), so two watchers give it the same id.
class AlertRules {
 public:
  struct Due {
    std::string session_id;
    v1::Alert alert;
  };
  // What must be raised about this trainer now: conditions that began, and open ones that ended. Again and again until
  // stored(). Nothing while the trainer is unreachable. `bad_loss`: one that came since the last look, nullptr: none.
  std::vector<Due> judge(const TrainerView& view, Liveness state, std::int64_t now_ms,
                         const LossWatch::BadLoss* bad_loss = nullptr) const;

  // The journal has this alert: raised just now, by another watcher, or read from the history.
  void stored(const std::string& session_id, const v1::Alert& alert);
  std::size_t open() const { return open_.size(); }

 private:
  using Incident = std::tuple<std::string, std::uint64_t, std::string>;  // session, incarnation, rule
  std::map<Incident, v1::Alert> open_;
};

}  // namespace trainbus
