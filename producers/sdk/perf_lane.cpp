#include "perf_lane.hpp"

#include <exception>

namespace trainbus {
namespace {

constexpr std::chrono::seconds kMeasureEvery{1};
constexpr std::chrono::seconds kRecord{5};

}  // namespace

void PerfLane::poll_once(Clock::time_point now) {
  // The first look measures whatever the training does, so that its first perf record has something.
  const bool first = next_look_ == Clock::time_point{};
  if (now < next_look_) return;
  next_look_ = now + kMeasureEvery;
  const StepReading reading = state_.progress.reading();
  const bool asked = state_.metered.take_asked();
  if (reading.step == seen_ && !asked && !first) return;
  seen_ = reading.step;
  try {
    state_.metered.set(meter_.measure(now));
    rates_.add(reading);
    if (!next_record_) next_record_ = now + kRecord;
    if (now >= *next_record_ && reading.step > logged_ && !state_.metered.training_logs()) log(now);
  } catch (const std::exception&) {
    // No memory; the next turn goes on.
  }
}

void PerfLane::log(Clock::time_point now) {
  const auto said = state_.plan.get();
  PerfMetrics perf = rates_.perf(said == nullptr ? TrainingPlan{} : said->plan);
  perf.resources = state_.metered.newest();
  static_cast<void>(state_.spool->push({unix_ms(), seen_, &perf}));  // a spool that refuses counts
  logged_ = seen_;
  next_record_ = now + kRecord;
}

}  // namespace trainbus
