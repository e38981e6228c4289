#include "trainbus/liveness.hpp"

#include <algorithm>

namespace trainbus {
namespace {

constexpr std::int64_t kShortestStallMs = 10'000;
constexpr double kStallSteps = 10;
constexpr std::int64_t kMissedHeartbeats = 3;
constexpr std::int64_t kUnknownPaceMs = 30'000;

}  // namespace

std::string_view liveness_name(Liveness state) {
  switch (state) {
    case Liveness::kUnreachable: return "UNREACHABLE";
    case Liveness::kWaiting: return "WAITING";
    case Liveness::kAlive: return "ALIVE";
    case Liveness::kPaused: return "PAUSED";
    case Liveness::kStalled: return "STALLED";
    case Liveness::kDead: return "DEAD";
    case Liveness::kCompleted: return "COMPLETED";
    case Liveness::kFailed: return "FAILED";
    case Liveness::kStopped: return "STOPPED";
  }
  return "UNKNOWN";
}

std::int64_t stall_limit_ms(double recent_step_ms) {
  constexpr double kADayMs = 86'400'000;
  return std::max(kShortestStallMs, static_cast<std::int64_t>(std::clamp(kStallSteps * recent_step_ms, 0.0, kADayMs)));
}

Liveness judge_liveness(const LivenessFacts& facts) {
  if (facts.status == v1::COMPLETED) return Liveness::kCompleted;
  if (facts.status == v1::FAILED) return Liveness::kFailed;
  if (facts.status == v1::STOPPED) return Liveness::kStopped;
  if (!facts.broker_reachable) return Liveness::kUnreachable;
  if (facts.last_heard_age_ms < 0) return Liveness::kWaiting;

  const bool has_heartbeats = facts.heartbeat_interval_ms > 0;
  const bool has_pace = has_heartbeats || facts.recent_step_ms > 0;
  const std::int64_t stall_limit = has_pace ? stall_limit_ms(facts.recent_step_ms) : kUnknownPaceMs;
  const std::int64_t silence_limit = has_heartbeats ? kMissedHeartbeats * facts.heartbeat_interval_ms : stall_limit;
  if (facts.last_heard_age_ms > silence_limit) return Liveness::kDead;

  if (facts.status == v1::PAUSED) return Liveness::kPaused;
  if (facts.status == v1::INITIALIZING || facts.step == 0) return Liveness::kWaiting;
  if (facts.last_step_age_ms > stall_limit && facts.promised_age_left_ms <= 0) return Liveness::kStalled;
  return Liveness::kAlive;
}

}  // namespace trainbus
