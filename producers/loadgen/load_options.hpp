#pragma once
// What a load is: how many trainers, and how often each does what.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "trainbus/endpoints.hpp"

namespace trainbus {

struct LoadOptions {
  std::string broker = default_broker();
  std::string run = "load";
  std::string name_prefix = "t";  // trainers are t0, t1, ...
  int trainers = 1;
  double batch_rate_hz = 10;  // of each trainer; 0: as fast as they are stored
  int epoch_every = 100;      // batches
  int perf_every = 5;         // batches; 0: none
  int scalars = 0;            // named values in each batch record
  int class_names = 0;        // beside the usual few
  bool media = false;         // a text, a histogram, a table and a picture at the end of each epoch
  int nan_every = 0;          // batches; the loss of every such one is NaN; 0: none
  double tile_rate_hz = 0;    // batches with tiles per second of each trainer, at most; 0: no tiles
  int tile_pixels = 256;
  double seconds = 0;  // 0: until interrupted
  std::uint64_t seed = 1;
  int threads = 1;
  bool json = false;
};

// Declares the flags, with their ranges.
void add_load_flags(CLI::App& app, LoadOptions& options);

}  // namespace trainbus
