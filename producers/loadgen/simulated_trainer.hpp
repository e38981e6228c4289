#pragma once
// A trainer without a model: real SDK, real records, invented losses.

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "load_options.hpp"
#include "problem_lines.hpp"
#include "tile_pictures.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// Single-threaded; the load run's thread steps it. Obeys commands: a pause stops its batches, learning rate and batch
// size change what it publishes and how its loss falls.
class SimulatedTrainer {
 public:
  using Clock = std::chrono::steady_clock;

  SimulatedTrainer(const LoadOptions& options, int index, const TilePictures& pictures, ProblemLines& problems,
                   Clock::time_point start);

  // Does the batches that are due (a bounded number of them) and one turn of the bus. Returns when it wants the next.
  Clock::time_point step(Clock::time_point now);

  // Says how it ended; afterwards it does no more batches, but step() goes on delivering.
  void end(v1::TrainingStatus status, const std::string& message);
  bool ended() const { return ended_; }
  bool all_stored() const;
  // Closes the sockets; what is not stored by then is not waited for.
  void close() { bus_.close(std::chrono::milliseconds(0)); }

  const std::string& name() const { return name_; }
  const Producer& bus() const { return bus_; }

 private:
  void do_batch();
  void log_epoch();
  void log_media();
  void log_perf();
  // The named values of a batch, around the loss.
  NamedValues values();
  CommandOutcome set_learning_rate(double value);
  CommandOutcome set_batch_size(double value);
  void add_tiles(TileBatch& tiles);
  double noise(double strength) { return std::normal_distribution<double>(0, strength)(random_); }

  const LoadOptions& options_;
  const TilePictures& pictures_;
  const std::string name_;
  Producer bus_;
  std::mt19937_64 random_;
  Clock::time_point started_;
  Clock::time_point next_batch_;
  Clock::time_point next_turn_;  // when the bus is looked at next, due or not
  Clock::duration interval_;
  bool ended_ = false;

  double learning_rate_ = 0.01;
  int batch_size_ = 64;
  double learned_ = 0;  // steps weighted by the learning rate
  int epoch_ = 1;
  int batch_ = 0;
  std::uint64_t batches_done_ = 0;
  double loss_ = 0;
  double accuracy_ = 0;
  double epoch_loss_ = 0;
  double epoch_accuracy_ = 0;
  TileSource tile_source_;
  std::vector<std::string> value_names_;
};

}  // namespace trainbus
