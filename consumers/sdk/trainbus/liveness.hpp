#pragma once
// Dead, stalled, paused and finished are four different things. One pure function, used by watcher, dashboard and ctl.

#include <cstdint>
#include <string_view>

#include "trainbus.pb.h"

namespace trainbus {

enum class Liveness : std::uint8_t {
  kUnreachable,  // the broker is away: nothing is known about the trainer
  kWaiting,      // registered or said INITIALIZING, no step yet
  kAlive,
  kPaused,
  kStalled,    // heartbeats arrive, no step for longer than max(10 s, 10 x the recent step time)
  kDead,       // three heartbeats missed without having said goodbye
  kCompleted,  // said so
  kFailed,     // said so
  kStopped,    // said so: somebody asked it to end
};

std::string_view liveness_name(Liveness state);  // "UNREACHABLE", "WAITING", "ALIVE", "PAUSED", "STALLED", "DEAD", ...

// What is known about one trainer's newest incarnation, with ages taken at the moment of asking. Ages in ms, -1: never.
struct LivenessFacts {
  bool broker_reachable = true;
  v1::TrainingStatus status = v1::UNKNOWN;    // last said
  std::int64_t last_heard_age_ms = -1;        // newest of any record or heartbeat
  std::int64_t heartbeat_interval_ms = 2000;  // as seen; 0: this trainer never sent a heartbeat
  std::uint64_t step = 0;
  std::int64_t last_step_age_ms = -1;     // heartbeat's since_last_step_ms plus the heartbeat's age
  double recent_step_ms = 0;              // 0: not known
  std::int64_t promised_age_left_ms = 0;  // of a promised longer check-in; <= 0: none
};

// `now` is already in the ages, so the same facts always give the same answer.
//
// In this order: what was said last of all (COMPLETED, FAILED, STOPPED) holds for ever; without a broker nothing else
// is known; silence of the heartbeat thread is death, whatever the training loop promised; then PAUSED and WAITING; and
// a loop that makes no step within its limit and its promise is stalled. A trainer that never sent heartbeats (a
// plain PUB socket) is dead when it is silent for as long as a stall at its own pace; 30 s while that is not known.
Liveness judge_liveness(const LivenessFacts& facts);

// How long a loop may go without a step: max(10 s, 10 x the recent step time).
std::int64_t stall_limit_ms(double recent_step_ms);

}  // namespace trainbus
