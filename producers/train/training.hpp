#pragma once
// One training from its first batch to its last: the loop, what it tells the bus, and how it obeys.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "batch_sampler.hpp"
#include "checkpoint.hpp"
#include "data_set.hpp"
#include "learner.hpp"
#include "options.hpp"
#include "pace.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/schedule.hpp"
#include "validation.hpp"

namespace trainbus {

// The last status, said once.
struct Ending {
  v1::TrainingStatus status = v1::UNKNOWN;  // COMPLETED, STOPPED or FAILED
  std::string message;
};

// Owns the network and the order of the batches; borrows options, data and bus. One thread, but for step().
class Training {
 public:
  // `edits` are applied at their steps, counted from this start, as if they had been commanded; pauses among them are
  // passed over. `resumed`: goes on from there (nullptr: begins anew); throws std::runtime_error with one line when it
  // is of other data or another network.
  Training(const TrainOptions& options, const DataSet& data, Producer& bus, const Checkpoint* resumed = nullptr,
           std::vector<ScheduledEdit> edits = {});

  // Trains until the last epoch, a limit, a stop command or a signal. Prints a line per epoch to stdout.
  Ending run();
  // Edits whose step has not come.
  std::size_t edits_left() const { return edits_.size() - edits_done_; }
  // Batches finished, over the whole training: those before a checkpoint are among them. Any thread.
  std::uint64_t step() const { return step_.load(std::memory_order_relaxed); }

 private:
  // training.cpp: the loop. These give up, and leave ending_ set, when the training is to end.
  bool train_epoch();
  bool finish_epoch();
  bool may_go_on();
  void train_batch(std::span<const std::uint32_t> chosen);
  // Stops early, incomplete, when a signal asks for the end.
  Validation validate();
  bool end(v1::TrainingStatus status, std::string message);
  std::int32_t batches_in_epoch() const;
  void go_on_from(const Checkpoint& checkpoint);
  Checkpoint checkpoint() const;

  // training_commands.cpp: what is obeyed.
  void obey_commands();
  void offer_hyperparameters();
  void offer_actions();
  CommandOutcome set_learning_rate(double rate);
  CommandOutcome set_batch_size(double value);
  CommandOutcome set_momentum(double value);
  CommandOutcome set_weight_decay(double value);
  CommandOutcome set_knob(const ScheduledEdit& edit);
  CommandOutcome save_checkpoint_now();
  CommandOutcome validate_now();
  // False when a stop is due.
  bool replay_edits();
  // Says on the bus and on stdout what changed, and the plan that follows from it.
  void say_change(const std::string& change);

  // training_records.cpp: what is said.
  void announce();
  TrainingPlan plan();
  std::map<std::string, std::string> parameters() const;
  void log_batch(const BatchResult& result);
  void add_tiles(TileBatch& tiles, const BatchResult& result);
  void log_perf();
  // Its named values, the confusion matrix and a histogram per layer.
  void log_validation(const Validation& validation);
  void log_confusion(const Validation& validation);

  const TrainOptions& options_;
  const DataSet& data_;
  Producer& bus_;
  const bool publishes_;
  const TrainingSubject subject_;
  const std::string checkpoint_file_;
  const Hyperparameters at_start_;
  Learner learner_;
  BatchSampler sampler_;
  Pace pace_;
  Pace::Clock::time_point began_;
  double validation_sec_ = 0;  // what the last one took
  Ending ending_;
  const std::vector<ScheduledEdit> edits_;
  std::size_t edits_done_ = 0;

  Batch batch_;
  std::vector<Prediction> predictions_;  // of batch_; empty until somebody needs them
  Averages trained_;                     // in this epoch
  Convergence convergence_;
  std::uint64_t first_step_ = 0;  // batches of earlier incarnations
  std::atomic<std::uint64_t> step_{0};
  std::int32_t epoch_ = 1;
  std::int32_t batches_taken_ = 0;    // in this epoch
  std::int32_t planned_batches_ = 0;  // per epoch, as last said
  bool said_not_finite_ = false;
};

}  // namespace trainbus
