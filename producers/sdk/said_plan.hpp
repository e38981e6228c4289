#pragma once
// What a training said of itself.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "trainbus/producer.hpp"

namespace trainbus {

// The plan as the training gave it, and what the SDK knows itself.
struct SaidPlan {
  TrainingPlan plan;
  std::map<std::string, std::string> environment;  // "env/host", ...
};

// Takes out of the plan what no record has room for: parameters with a bad name, those past kMaxValueNames, tags past
// kMaxTags. One line that says what it was; empty when nothing was.
std::string clean_plan(TrainingPlan& plan);

inline constexpr std::size_t kMaxTags = 64;

// The newest plan. Any thread may call anything; what get() returns never changes.
class PlanSlot {
 public:
  std::shared_ptr<const SaidPlan> get() const;  // null before start()
  void set(SaidPlan said);
  // Changes the plan where there is one.
  void change(const std::function<void(TrainingPlan&)>& edit);

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const SaidPlan> said_;
};

}  // namespace trainbus
