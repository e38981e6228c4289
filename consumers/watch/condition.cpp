#include "condition.hpp"

#include <algorithm>

#include "judges.hpp"

namespace trainbus {

const std::array<ConditionFacts, 17>& all_conditions() {
  using enum ConditionKind;
  static constexpr std::array<ConditionFacts, 17> kFacts{{
      {.kind = kDead, .name = "dead", .takes_commands = false, .any_time = true},
      {.kind = kStalled, .name = "stalled", .any_time = true},
      {.kind = kNotFinite, .name = "not_finite", .keys = "of", .any_time = true},
      {.kind = kLossSpike, .name = "loss_spike", .keys = "above until over of"},
      {.kind = kPlateau, .name = "plateau", .keys = "improvement over of better", .reads_epochs = true},
      {.kind = kAccuracyCollapse, .name = "accuracy_collapse", .keys = "below until over of"},
      {.kind = kThroughputDrop, .name = "throughput_drop", .keys = "below until over"},
      {.kind = kMemoryGradient, .name = "memory_gradient", .keys = "above over of"},
      {.kind = kThreshold, .name = "threshold", .keys = "of above below until"},
      {.kind = kConverged, .name = "converged", .has_end = false, .reads_epochs = true},
      {.kind = kFinished, .name = "finished", .keys = "status", .takes_commands = false, .has_end = false},
      {.kind = kSinkFailing, .name = "sink_failing", .takes_commands = false, .raised_elsewhere = true},
      {.kind = kJournalFailing, .name = "journal_failing", .takes_commands = false, .raised_elsewhere = true},
      {.kind = kDuplicateName, .name = "duplicate_name", .takes_commands = false, .raised_elsewhere = true},
      {.kind = kStateFolder, .name = "state_folder", .takes_commands = false, .raised_elsewhere = true},
      {.kind = kJournalDamaged, .name = "journal_damaged", .takes_commands = false, .raised_elsewhere = true},
      {.kind = kLimit, .name = "limit", .takes_commands = false, .raised_elsewhere = true},
  }};
  return kFacts;
}

const ConditionFacts& facts_of(ConditionKind kind) { return all_conditions()[static_cast<std::size_t>(kind)]; }

const ConditionFacts* condition_named(std::string_view name) {
  const auto& all = all_conditions();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& facts) { return facts.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Condition default_condition(ConditionKind kind) {
  Condition condition{.kind = kind};
  switch (kind) {
    case ConditionKind::kLossSpike:
      condition.limit = condition.until = 3;
      condition.over = 100;
      break;
    case ConditionKind::kPlateau:
      condition.improvement = 0.01;
      condition.over = 5;
      break;
    case ConditionKind::kAccuracyCollapse:
    case ConditionKind::kThroughputDrop:
      condition.limit = condition.until = 0.5;
      condition.over = 100;
      break;
    case ConditionKind::kMemoryGradient:
      condition.limit = 50;
      condition.over_ms = 600'000;
      break;
    default: break;
  }
  return condition;
}

std::unique_ptr<Judge> make_judge(const Condition& condition) {
  switch (condition.kind) {
    case ConditionKind::kDead: return std::make_unique<DeadJudge>();
    case ConditionKind::kStalled: return std::make_unique<StalledJudge>();
    case ConditionKind::kFinished: return std::make_unique<FinishedJudge>(condition.status);
    case ConditionKind::kConverged: return std::make_unique<ConvergedJudge>();
    case ConditionKind::kNotFinite: return std::make_unique<NotFiniteJudge>(condition.of);
    case ConditionKind::kLossSpike: return std::make_unique<SpikeJudge>(condition);
    case ConditionKind::kPlateau: return std::make_unique<PlateauJudge>(condition);
    case ConditionKind::kAccuracyCollapse: return std::make_unique<CollapseJudge>(condition);
    case ConditionKind::kThroughputDrop: return std::make_unique<ThroughputDropJudge>(condition);
    case ConditionKind::kMemoryGradient: return std::make_unique<MemoryGradientJudge>(condition);
    case ConditionKind::kThreshold: return std::make_unique<ThresholdJudge>(condition);
    case ConditionKind::kSinkFailing:
    case ConditionKind::kJournalFailing:
    case ConditionKind::kDuplicateName:
    case ConditionKind::kStateFolder:
    case ConditionKind::kJournalDamaged:
    case ConditionKind::kLimit: return nullptr;
  }
  return nullptr;
}

}  // namespace trainbus
