#pragma once
// Whether a rule's condition holds for one incarnation of a trainer.

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "rule.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

// A trainer at one look.
struct Sight {
  const TrainerView& view;
  Liveness state;
  std::int64_t now_ms;
};

struct Finding {
  enum Answer : std::uint8_t {
    kUnknown,  // not enough seen: neither begins nor ends an incident
    kClear,
    kHolds,
  };
  Answer answer = kUnknown;
  std::string message = {};  // one line: why it holds, or how it is now that it does not
  double value = 0;
  std::uint64_t start = 0;  // what the trainer had counted when it began: the same for every watcher
};

// Pure: fed with the records of one incarnation in order, asked at every look. Single-threaded. Bounded memory.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual void take(const v1::MetricsRequest& record) { static_cast<void>(record); }
  // `open`: it holds already, as far as everybody was told, so that the limit of its end counts.
  virtual Finding judge(const Sight& sight, bool open) const = 0;
  // What came before this look has been told: a peak between two looks is forgotten.
  virtual void looked() {}
};

// What there is to know about a condition but its code.
struct ConditionFacts {
  ConditionKind kind;
  std::string_view name;
  std::string_view keys = {};  // that it takes, separated by blanks
  bool takes_commands = true;  // a trainer in this condition can be acted upon
  bool has_end = true;         // else it is an event
  bool raised_elsewhere = false;
  bool reads_epochs = false;  // from the history too, so that a restart forgets nothing
  bool any_time = false;      // also of a trainer that was not heard of lately
};
const std::array<ConditionFacts, 17>& all_conditions();
const ConditionFacts& facts_of(ConditionKind kind);
// nullptr: no such condition.
const ConditionFacts* condition_named(std::string_view name);
// With everything at its default.
Condition default_condition(ConditionKind kind);

// nullptr for what is raised elsewhere.
std::unique_ptr<Judge> make_judge(const Condition& condition);

}  // namespace trainbus
