#pragma once
// All trainers the broker knows of, judged: what `trainbus-ctl list` shows once and `trainbus-watch` again and again.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trainbus/trainer_view.hpp"

namespace trainbus {

// Folds one list of the broker after another. Not thread-safe; time is always a parameter (steady ms).
class TrainerTable {
 public:
  // A broker that has just come up has heard nobody yet: for this long such a trainer is unreachable, not dead.
  static constexpr std::int64_t kSettlingMs = 15'000;

  void update(const v1::TrainerList& list, std::int64_t now_ms);
  // The broker did not answer: until the next update() everybody is unreachable.
  void broker_away() { broker_reachable_ = false; }
  bool broker_reachable() const { return broker_reachable_; }

  struct Row {
    const TrainerView* view;  // valid until the next update()
    Liveness state;
    bool newest = true;  // of its name, among those in the list
    bool alone = true;   // no other one of its name is in the list
  };
  // By run and trainer; those of one name, which are alive at once, oldest first.
  std::vector<Row> rows(std::int64_t now_ms) const;

 private:
  struct Trainer {
    TrainerView view;
    std::int64_t settled_at_ms = 0;
    bool listed = true;  // in the last list
  };
  using Key = std::pair<std::string, std::uint64_t>;  // session id, incarnation
  std::map<Key, Trainer> trainers_;
  std::uint64_t broker_incarnation_ = 0;
  std::int64_t settled_at_ms_ = 0;  // of a broker that is seen for the first time
  std::int64_t started_ms_ = 0;     // of that broker, by its clock
  bool broker_reachable_ = false;
};

}  // namespace trainbus
