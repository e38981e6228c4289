// dead, stalled, finished, converged.

#include "judges.hpp"
#include "text_forms.hpp"

namespace trainbus {

Finding DeadJudge::judge(const Sight& sight, bool) const {
  if (sight.state != Liveness::kDead) return {Finding::kClear, "heard again"};
  const auto facts = sight.view.facts(sight.now_ms);
  const auto silent_sec = static_cast<double>(facts.last_heard_age_ms) / 1000;
  const std::uint64_t start = sight.view.heartbeat_number() > 0 ? sight.view.heartbeat_number() : facts.step;
  return {Finding::kHolds,
          "nothing heard for " + duration_text(silent_sec) + ", last at step " + std::to_string(facts.step), silent_sec,
          start};
}

Finding StalledJudge::judge(const Sight& sight, bool) const {
  if (sight.state != Liveness::kStalled) return {Finding::kClear, "steps go on"};
  const auto facts = sight.view.facts(sight.now_ms);
  const auto age_sec = static_cast<double>(facts.last_step_age_ms) / 1000;
  return {Finding::kHolds, "no step for " + duration_text(age_sec) + " after step " + std::to_string(facts.step),
          age_sec, facts.step};
}

Finding FinishedJudge::judge(const Sight& sight, bool) const {
  const auto& figures = sight.view.figures();
  const char* how = sight.state == Liveness::kCompleted ? "completed"
                    : sight.state == Liveness::kFailed  ? "failed"
                    : sight.state == Liveness::kStopped ? "stopped"
                                                        : nullptr;
  if (how == nullptr || (status_ != v1::UNKNOWN && status_ != figures.status)) return {Finding::kClear};
  return {Finding::kHolds,
          std::string(how) + " at step " + std::to_string(figures.step) +
              (figures.status_message.empty() ? "" : ": " + figures.status_message.substr(0, 500)),
          static_cast<double>(figures.step), figures.step};
}

void ConvergedJudge::take(const v1::MetricsRequest& record) {
  if (record.has_epoch_data() && record.epoch_data().is_converged() && !converged_) converged_ = record.epoch_data();
}

Finding ConvergedJudge::judge(const Sight&, bool) const {
  if (!converged_) return {Finding::kUnknown};
  const auto& epoch = *converged_;
  return {Finding::kHolds,
          "converged in epoch " + std::to_string(epoch.epoch()) +
              (epoch.has_average_loss() ? ", loss " + figure_text(epoch.average_loss()) : ""),
          epoch.average_loss(), static_cast<std::uint64_t>(epoch.epoch())};
}

}  // namespace trainbus
