#pragma once
// One training from its first batch to its last: the loop, what it tells the bus, and how it obeys.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "batch_sampler.hpp"
#include "convergence.hpp"
#include "data_set.hpp"
#include "learner.hpp"
#include "options.hpp"
#include "pace.hpp"
#include "resource_meter.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/schedule.hpp"

namespace trainbus {

// The last status, said once.
struct Ending {
  v1::TrainingStatus status = v1::UNKNOWN;  // COMPLETED or FAILED
  std::string message;
};

// Owns the network and the order of the batches; borrows options, data and bus. One thread, but for step().
class Training {
 public:
  // `edits` are applied at their steps as if they had been commanded; pauses among them are passed over.
  Training(const TrainOptions& options, const DataSet& data, Producer& bus, std::vector<ScheduledEdit> edits = {});

  // Trains until the last epoch, a limit, a stop command or a signal. Prints a line per epoch to stdout.
  Ending run();
  // Edits whose step has not come.
  std::size_t edits_left() const { return edits_.size() - edits_done_; }
  // Batches finished. Any thread.
  std::uint64_t step() const { return step_.load(std::memory_order_relaxed); }

 private:
  struct Averages {
    double loss = 0;
    double accuracy = 0;
    std::size_t samples = 0;
    void add(const StepResult& result, std::size_t count);
  };

  void obey_commands();
  CommandOutcome set_learning_rate(double rate);
  CommandOutcome set_batch_size(double value);
  // False when a stop is due.
  bool replay_edits();
  void announce();
  TrainingPlan plan();
  // Says on the bus and on stdout what changed, and the plan that follows from it.
  void say_change(const std::string& change);
  // These two give up, and leave ending_ set, when the training is to end.
  bool train_epoch();
  bool finish_epoch();
  bool may_go_on();
  void train_batch(std::span<const std::uint32_t> chosen);
  void log_batch(const StepResult& result);
  void add_tiles(TileBatch& tiles, const StepResult& result);
  void log_perf();
  Averages validate();
  bool end(v1::TrainingStatus status, std::string message);
  std::int32_t batches_in_epoch() const;

  const TrainOptions& options_;
  const DataSet& data_;
  Producer& bus_;
  const bool publishes_;
  Learner learner_;
  BatchSampler sampler_;
  Pace pace_;
  ResourceMeter resources_;
  Convergence convergence_;
  Pace::Clock::time_point began_;
  double validation_sec_ = 0;  // what the last one took
  Ending ending_;
  const std::vector<ScheduledEdit> edits_;
  std::size_t edits_done_ = 0;

  Batch batch_;
  std::vector<Prediction> predictions_;  // of batch_; empty until somebody needs them
  Averages trained_;                     // in this epoch
  std::int32_t epoch_ = 0;
  std::int32_t batches_taken_ = 0;  // in this epoch
  std::atomic<std::uint64_t> step_{0};
  std::int32_t planned_batches_ = 0;  // per epoch, as last said
  bool said_not_finite_ = false;
};

}  // namespace trainbus
