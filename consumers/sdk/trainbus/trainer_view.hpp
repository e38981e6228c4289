#pragma once
// What is known now about one trainer: its records, heartbeats or list entry, folded.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "trainbus/liveness.hpp"
#include "trainbus/pace.hpp"
#include "trainbus/topic.hpp"
#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

// The last value of everything the newest incarnation said. Empty: not said. A value that is there may be NaN or
// infinite, because the trainer said that. What is marked *derived* is computed from the records when the trainer does
// not say it; what it says wins.
struct TrainerFigures {
  std::uint64_t incarnation = 0;  // 0: nothing folded yet
  std::int64_t order = 0;         // see v1::Incarnation; 0: not known
  v1::TrainingStatus status = v1::UNKNOWN;
  std::string status_message;
  std::optional<v1::TrainingConfig> plan;  // parameters, tags, notes, and knobs with the values in force
  std::uint32_t class_names_left_out = 0;  // of the plan: the list that it comes from had no room for them

  // Of the newest batch or epoch record, counted from 1 and never above the plan's, whatever the trainer counts from.
  std::optional<std::int32_t> epoch;
  std::int32_t epoch_base = 1;             // 0: this trainer's own numbers start there
  std::optional<std::int32_t> batch;       // within the epoch, from 0
  std::uint64_t step = 0;                  // batches finished; of a trainer that does not count them its batch records
  std::optional<std::int32_t> batch_size;  // in force
  std::optional<double> learning_rate;     // in force
  std::optional<double> loss;              // newest batch's
  std::optional<double> accuracy;

  std::optional<double> epoch_loss;  // newest finished epoch's
  std::optional<double> epoch_accuracy;
  std::optional<double> validation_loss;
  std::optional<double> validation_accuracy;

  // Named values of batches, epochs and scalars records, by name. At most kMaxValueNames names.
  std::map<std::string, double, std::less<>> scalars;
  std::uint64_t scalars_left_out = 0;  // values of further names

  // The first loss of this incarnation that was not finite.
  struct NotFinite {
    std::string name;  // "loss", "epoch_loss", "validation_loss"
    std::uint64_t step = 0;
    double value = 0;
  };
  std::optional<NotFinite> not_finite;

  std::optional<double> fps;  // batches per second, recent; derived
  std::optional<double> average_fps;
  std::optional<double> time_per_batch_ms;  // derived
  std::optional<double> eta_sec;            // derived; until the training has ended
  std::optional<double> epoch_progress;     // 0..1 of the epoch; always derived
  struct Derived {
    bool fps = false;
    bool time_per_batch_ms = false;
    bool eta_sec = false;
  };
  Derived derived;  // which of these are
  std::optional<v1::ResourceUsage> resources;
  v1::TileLedger tiles;  // as of the last heartbeat

  // Steps done by earlier incarnations; empty: not said.
  std::optional<std::uint64_t> first_step() const {
    return plan && plan->has_first_step() ? std::optional(plan->first_step()) : std::nullopt;
  }
};

// A clock that is further from the broker's is shown to be wrong.
inline constexpr std::int64_t kSkewShownMs = 2'000;

// What the broker alone knows of an incarnation; of a view that is fed by lists.
struct TrainerStanding {
  bool live = false;                          // heard lately and not ended
  bool newest = true;                         // of its name
  std::int64_t first_heard_ms = 0;            // Unix time of the broker; 0: not known
  std::optional<std::int64_t> clock_skew_ms;  // its clock minus the broker's; empty: not known
};

TrainerStanding standing_of(const v1::TrainerEntry& entry);

// One trainer. Not thread-safe; time is always a parameter: steady ms, of one clock of this machine. A newer
// incarnation starts from nothing; what an older one still says is ignored. Which one is the newer the order tells;
// where it is not known, an incarnation that was not heard of before.
class TrainerView {
 public:
  explicit TrainerView(SessionName session) : session_(std::move(session)) {}

  // Takes one record or heartbeat of this trainer, heard `age_ms` ago. False when it is an older incarnation's.
  bool fold(Kind kind, const v1::MetricsRequest& message, std::int64_t now_ms, std::int64_t order = 0,
            std::int64_t age_ms = 0);
  // Takes what the broker lists about this trainer. False when the view is of a newer incarnation. `broker_unix_ms`:
  // the broker's clock, for the age (to be shown, and no more) of who was not heard since the broker started; 0: not
  // known.
  bool fold(const v1::TrainerEntry& entry, std::int64_t now_ms, std::int64_t broker_unix_ms = 0);

  const SessionName& session() const { return session_; }
  const TrainerFigures& figures() const { return figures_; }
  const TrainerStanding& standing() const { return standing_; }
  void set_standing(const TrainerStanding& standing) { standing_ = standing; }

  // Ages in ms; -1: never.
  std::int64_t heartbeat_age_ms(std::int64_t now_ms) const;
  std::int64_t last_record_age_ms(std::int64_t now_ms) const;
  std::int64_t last_heard_age_ms(std::int64_t now_ms) const;  // of the two
  // The trainer's own number of its last heartbeat; 0: never.
  std::uint64_t heartbeat_number() const { return last_heartbeat_ ? last_heartbeat_->sequence_number() : 0; }

  LivenessFacts facts(std::int64_t now_ms, bool broker_reachable = true) const;
  Liveness liveness(std::int64_t now_ms, bool broker_reachable = true) const {
    return judge_liveness(facts(now_ms, broker_reachable));
  }

 private:
  static constexpr std::size_t kMaxOlder = 64;                             // remembered, where no order is known
  static constexpr std::int64_t kSilentSinceStartMs = 48LL * 3600 * 1000;  // is past every limit of liveness

  bool renew(std::uint64_t incarnation, std::int64_t order);
  void fold_at(Kind kind, const v1::MetricsRequest& message, std::int64_t heard_ms);
  void fold_batch(const v1::MetricsRequest& message, std::int64_t heard_ms);
  void fold_epoch(const v1::MetricsRequest& message);
  void fold_scalars(const v1::MetricsRequest& message);
  void fold_perf(const v1::PerformanceData& perf);
  void fold_status(const v1::StatusUpdate& status);
  void put_back_class_names(const google::protobuf::RepeatedPtrField<std::string>& known, std::uint32_t left_out);
  void fold_command(const v1::ControlCommand& command);
  void fold_heartbeat(const v1::Heartbeat& heartbeat, std::int64_t heard_ms);

  void note_step(std::uint64_t step, std::int64_t own_ms);
  void note_epoch(std::int32_t said);
  void note_loss(const char* name, std::uint64_t step, double value);
  void note_learning_rate(double value, std::uint64_t steps_before);
  template <class Values>
  void note_values(Kind kind, std::uint64_t sequence, const Values& values);
  void derive();
  void derive_position();
  void derive_rates();

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

  // When what was heard, on our clock.
  struct Times {
    std::int64_t record_ms = kNever;
    std::int64_t heartbeat_ms = kNever;
    std::int64_t step_ms = kNever;
    std::int64_t promise_until_ms = kNever;
  };
  // What the trainer said itself; the figures of these names may be derived.
  struct Said {
    std::optional<double> fps;
    std::optional<double> time_per_batch_ms;
    std::optional<double> eta_sec;
    std::optional<std::int32_t> epoch;
  };

  SessionName session_;
  TrainerFigures figures_;
  TrainerStanding standing_;
  bool silent_since_start_ = false;   // of the broker
  std::vector<std::uint64_t> older_;  // incarnations that a newer one followed
  Said said_;
  Times times_;
  Pace pace_;
  std::map<Kind, std::uint64_t> newest_sequence_;  // of kinds with values
  std::uint64_t learning_rate_since_ = 0;          // steps finished before it came into force
  std::optional<std::int32_t> finished_epoch_;     // newest that said its averages
  std::optional<v1::Heartbeat> last_heartbeat_;
  double heartbeat_interval_ms_ = 2000;
};

}  // namespace trainbus
