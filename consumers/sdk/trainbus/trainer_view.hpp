#pragma once
// What is known now about one trainer: its records, heartbeats or list entry, folded.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "trainbus/liveness.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

// The last value of everything the newest incarnation said. Doubles are NaN while not known; integers -1.
struct TrainerFigures {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  std::uint64_t incarnation = 0;  // 0: nothing folded yet
  v1::TrainingStatus status = v1::UNKNOWN;
  std::string status_message;
  std::optional<v1::TrainingConfig> plan;

  std::int32_t epoch = -1;  // of the newest batch or epoch record
  std::int32_t batch = -1;  // within the epoch
  std::uint64_t step = 0;
  std::int32_t batch_size = -1;     // in force
  double learning_rate = kUnknown;  // in force
  double loss = kUnknown;           // newest batch's; may be NaN or infinite because the training says so:
  bool loss_known = false;          // then this is true
  double accuracy = kUnknown;

  double epoch_loss = kUnknown;  // newest finished epoch's
  double epoch_accuracy = kUnknown;
  double validation_loss = kUnknown;
  double validation_accuracy = kUnknown;

  double fps = kUnknown;  // batches per second
  double average_fps = kUnknown;
  double time_per_batch_ms = kUnknown;
  double eta_sec = kUnknown;
  std::optional<v1::ResourceUsage> resources;
  v1::TileLedger tiles;  // as of the last heartbeat
};

// One trainer. Not thread-safe; time is always a parameter (Unix ms). A newer incarnation starts from nothing; what an
// older one still says is ignored.
class TrainerView {
 public:
  explicit TrainerView(SessionName session) : session_(std::move(session)) {}

  // Takes one record or heartbeat of this trainer. `from_history`: heard when its own timestamp says, not now.
  // False when it is an older incarnation's.
  bool fold(Kind kind, const v1::MetricsRequest& message, std::int64_t now_ms, bool from_history = false);
  // Takes what the broker lists about this trainer. False when the view is of a newer incarnation.
  bool fold(const v1::TrainerEntry& entry, std::int64_t now_ms);

  const SessionName& session() const { return session_; }
  const TrainerFigures& figures() const { return figures_; }

  // Ages in ms; -1: never.
  std::int64_t heartbeat_age_ms(std::int64_t now_ms) const;
  std::int64_t last_record_age_ms(std::int64_t now_ms) const;
  // The trainer's own number of its last heartbeat; 0: never.
  std::uint64_t heartbeat_number() const { return last_heartbeat_ ? last_heartbeat_->sequence_number() : 0; }

  LivenessFacts facts(std::int64_t now_ms, bool broker_reachable = true) const;
  Liveness liveness(std::int64_t now_ms, bool broker_reachable = true) const {
    return judge_liveness(facts(now_ms, broker_reachable));
  }

 private:
  bool renew(std::uint64_t incarnation);
  void fold_at(Kind kind, const v1::MetricsRequest& message, std::int64_t heard_ms);
  void fold_batch(const v1::BatchData& batch, std::int64_t heard_ms);
  void fold_epoch(const v1::EpochData& epoch);
  void fold_perf(const v1::PerformanceData& perf);
  void fold_status(const v1::StatusUpdate& status);
  void fold_command(const v1::ControlCommand& command);
  void fold_heartbeat(const v1::Heartbeat& heartbeat, std::int64_t heard_ms);

  // When what was heard, Unix ms on our clock; 0: never.
  struct Times {
    std::int64_t record_ms = 0;
    std::int64_t heartbeat_ms = 0;
    std::int64_t step_ms = 0;
    std::int64_t promise_until_ms = 0;
  };

  SessionName session_;
  TrainerFigures figures_;
  Times times_;
  std::optional<v1::Heartbeat> last_heartbeat_;
  double heartbeat_interval_ms_ = 2000;
  double recent_step_ms_ = 0;
};

}  // namespace trainbus
