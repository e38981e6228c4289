#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data_set.hpp"
#include "trainbus/job_names.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

inline constexpr double kMostMomentum = 0.999;
inline constexpr double kMostWeightDecay = 1;

struct TrainOptions {
  DataSetOptions data;

  std::string run;  // "": the job's, else the data set's name
  std::string name = job_trainer();
  std::string broker = trainer_broker();  // "": off
  int perf_every = 5;                     // steps
  int batch_every = 1;                    // steps
  int tile_size = 256;                    // pixels

  int epochs = 10;
  // Not given: those of the checkpoint that is resumed, else those of Hyperparameters.
  std::optional<int> batch_size;
  std::optional<double> learning_rate;
  std::optional<double> momentum;
  std::optional<double> weight_decay;
  int batches_per_epoch = 0;  // at most; 0: all
  std::string device = "cpu";
  int threads = 1;
  double seconds = 0;          // 0: no limit
  double target_accuracy = 0;  // 0: none
  bool stop_when_converged = false;
  int batch_delay_ms = 0;
  std::string schedule;    // file of edits to replay; "": none
  std::string resume;      // file to go on from; "": begin anew
  std::string checkpoint;  // file that save_checkpoint writes; "": RUN-NAME.safetensors
  std::vector<std::string> tags;
  std::string notes;
};

// Declares the flags, their ranges and the help. `options` must outlive the app.
void add_flags(CLI::App& app, TrainOptions& options);

}  // namespace trainbus
