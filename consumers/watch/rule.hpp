#pragma once
// A rules file as values: what to look for, whom to tell, what to do.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

enum class ConditionKind : std::uint8_t {
  kDead,
  kStalled,
  kNotFinite,
  kLossSpike,
  kPlateau,
  kAccuracyCollapse,
  kThroughputDrop,
  kMemoryGradient,
  kThreshold,
  kConverged,
  kFinished,
  kSinkFailing,     // raised by trainbus-log
  kJournalFailing,  // raised by the broker
  kDuplicateName,   // the same
  kStateFolder,     // the same
  kJournalDamaged,  // the same
  kLimit,           // raised by any program of the bus, or a trainer's SDK
};

struct Condition {
  ConditionKind kind = ConditionKind::kDead;
  std::string of = {};                      // the value looked at (record_values.hpp); "": the condition's own
  double limit = 0;                         // above, below: a factor, MB a minute, or of a threshold the value itself
  double until = 0;                         // the limit below (above) which an open incident ends
  bool below = false;                       // threshold: below the limit, not above
  double improvement = 0;                   // plateau: 0.01 is 1 %
  bool higher_is_better = false;            // plateau
  int over = 0;                             // batches, epochs, records or values
  bool over_batches = false;                // plateau: `over` counts batches
  bool over_values = false;                 // plateau: `over` counts values, not epochs
  std::int64_t over_ms = 0;                 // memory_gradient
  bool of_gpu = false;                      // memory_gradient: gpu_memory instead of memory
  v1::TrainingStatus status = v1::UNKNOWN;  // finished: COMPLETED, FAILED, STOPPED, UNKNOWN: any
};

enum class Severity : std::uint8_t { kInfo, kWarning, kCritical };
const char* severity_name(Severity severity);

struct RuleAction {
  v1::CommandType type = v1::UNKNOWN_COMMAND;
  double value = 0;                            // of set-lr and set-batch-size
  bool relative = false;                       // set-lr: times what is in force
  std::string knob = {};                       // of set
  std::optional<std::string> knob_value = {};  // nothing: an action
  std::string text = {};                       // "set-lr 0.5x", as in the file
};

struct Rule {
  std::string name;
  Condition condition;
  std::vector<std::string> runs = {};      // glob patterns; empty: all
  std::vector<std::string> trainers = {};  // glob patterns; empty: all
  std::int64_t for_ms = 0;
  std::int64_t clear_after_ms = 0;
  std::int64_t quiet_ms = 0;
  Severity severity = Severity::kWarning;
  std::optional<std::vector<std::string>> to = {};  // channels; nothing: all
  std::optional<RuleAction> action = {};

  // By its patterns; `session_id` is "run/trainer".
  bool matches(const std::string& session_id) const;
  bool tells(const std::string& channel) const;
};

struct ChannelSpec {
  std::string name;
  std::string webhook = {};            // a URL, or
  std::vector<std::string> exec = {};  // a program and its arguments
  std::string ca_file = {};            // webhook: certificates to trust, PEM; "": the system's
  std::chrono::milliseconds timeout{10'000};
  bool ended = true;  // the end of a condition is a notice too
};

struct RuleSet {
  std::vector<Rule> rules;
  std::vector<ChannelSpec> channels = {};

  // The rule by which an alert record was raised, or which passes it on; nullptr: none.
  const Rule* rule_of(const std::string& session_id, const std::string& alert_rule) const;
};

// dead, stalled, not_finite of every trainer; no channels.
RuleSet default_rules();

}  // namespace trainbus
