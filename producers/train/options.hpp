#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "data_set.hpp"
#include "trainbus/endpoints.hpp"

namespace trainbus {

struct TrainOptions {
  DataSetOptions data;

  std::string run;  // "": the data set's name
  std::string name = "t0";
  std::string broker = default_broker();  // "": off
  int perf_every = 5;                     // steps
  int batch_every = 1;                    // steps
  int tile_size = 256;                    // pixels

  int epochs = 10;
  int batch_size = 64;
  int batches_per_epoch = 0;  // at most; 0: all
  double learning_rate = 0.01;
  std::string device = "cpu";
  int threads = 1;
  double seconds = 0;          // 0: no limit
  double target_accuracy = 0;  // 0: none
  bool stop_when_converged = false;
  int batch_delay_ms = 0;
  std::string schedule;  // file of edits to replay; "": none
};

// Declares the flags, their ranges and the help. `options` must outlive the app.
void add_flags(CLI::App& app, TrainOptions& options);

}  // namespace trainbus
