#include "step_rates.hpp"

#include <algorithm>

namespace trainbus {
namespace {

constexpr std::chrono::seconds kRecent{5};

// Batches per second; empty when no time has passed.
std::optional<double> rate(const StepReading& from, const StepReading& to) {
  const double seconds = std::chrono::duration<double>(to.trained - from.trained).count();
  if (seconds <= 0) return std::nullopt;
  return static_cast<double>(to.step - from.step) / seconds;
}

}  // namespace

void StepRates::add(const StepReading& reading) {
  if (reading.step == 0 || (!recent_.empty() && reading.step <= recent_.back().step)) return;
  if (!first_) first_ = reading;
  recent_.push_back(reading);
  while (recent_.size() > 2 && reading.trained - recent_[1].trained >= kRecent)
    recent_.pop_front();
}

PerfMetrics StepRates::perf(const TrainingPlan& plan) const {
  PerfMetrics perf;
  if (recent_.size() < 2) return perf;
  perf.current_fps = rate(recent_.front(), recent_.back());
  perf.average_fps = rate(*first_, recent_.back());
  if (perf.current_fps) perf.time_per_batch_ms = 1000 / *perf.current_fps;
  if (!perf.average_fps) return perf;
  if (plan.batches_per_epoch > 0) perf.total_time_for_epoch_sec = plan.batches_per_epoch / *perf.average_fps;
  if (const auto left = batches_left(plan, recent_.back()))
    perf.estimated_time_remaining_sec = static_cast<double>(*left) / *perf.average_fps;
  return perf;
}

std::optional<std::uint64_t> batches_left(const TrainingPlan& plan, const StepReading& at) {
  if (plan.total_epochs <= 0 || plan.batches_per_epoch <= 0) return std::nullopt;
  const auto per_epoch = static_cast<std::uint64_t>(plan.batches_per_epoch);
  const std::uint64_t all = per_epoch * static_cast<std::uint64_t>(plan.total_epochs);
  // Epoch and batch say where it is, also when an earlier incarnation had batches of another size.
  const std::uint64_t done = at.epoch >= 1
                                 ? per_epoch * static_cast<std::uint64_t>(at.epoch - 1) +
                                       std::min<std::uint64_t>(per_epoch, static_cast<std::uint64_t>(at.batch + 1))
                                 : plan.first_step.value_or(0) + at.step;
  return all - std::min(all, done);
}

}  // namespace trainbus
