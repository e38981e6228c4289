#include "said_plan.hpp"

#include "trainbus/value_name.hpp"

namespace trainbus {

std::string clean_plan(TrainingPlan& plan) {
  std::string problem;
  std::size_t left_out = 0;
  std::size_t kept = 0;
  for (auto parameter = plan.parameters.begin(); parameter != plan.parameters.end();) {
    if (valid_value_name(parameter->first) && ++kept <= kMaxValueNames) {
      ++parameter;
      continue;
    }
    problem = "parameter " + value_name_problem(parameter->first);
    parameter = plan.parameters.erase(parameter);
    ++left_out;
  }
  if (kept > kMaxValueNames) problem = "the plan has more than " + std::to_string(kMaxValueNames) + " parameters";
  if (left_out > 0) problem += " (" + std::to_string(left_out) + " parameters left out)";
  if (plan.tags.size() <= kMaxTags) return problem;
  problem += (problem.empty() ? "" : "; ") + std::string("the plan has ") + std::to_string(plan.tags.size()) +
             " tags, those past " + std::to_string(kMaxTags) + " are left out";
  plan.tags.resize(kMaxTags);
  return problem;
}

std::shared_ptr<const SaidPlan> PlanSlot::get() const {
  const std::lock_guard lock(mutex_);
  return said_;
}

void PlanSlot::set(SaidPlan said) {
  auto made = std::make_shared<const SaidPlan>(std::move(said));
  const std::lock_guard lock(mutex_);
  said_ = std::move(made);
}

void PlanSlot::change(const std::function<void(TrainingPlan&)>& edit) {
  const std::lock_guard lock(mutex_);
  if (said_ == nullptr) return;
  auto changed = std::make_shared<SaidPlan>(*said_);
  edit(changed->plan);
  said_ = std::move(changed);
}

}  // namespace trainbus
