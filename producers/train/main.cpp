// trainbus-train: the reference trainer. Data set -> batches -> network, with the bus looking on.

#include <spdlog/spdlog.h>

#include <stop_token>
#include <thread>

#include "options.hpp"
#include "say.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/program.hpp"
#include "training.hpp"

namespace trainbus {
namespace {

// For the broker to store the last records; what it does not take in time waits in the spool file.
constexpr std::chrono::milliseconds kGoodbye{1200};

// Runs beside the training: wakes it out of a pause when a signal asks for the end, and says pauses on stdout.
void look_after(std::stop_token done, Producer& bus, const Training& training) {
  for (bool paused = false; !done.stop_requested();) {
    if (wait_or_stop(std::chrono::milliseconds(100))) return bus.interrupt();
    if (bus.paused() == paused) continue;
    paused = !paused;
    say("applied {} at step {}", paused ? "pause" : "resume", training.step());
  }
}

Ending train(const TrainOptions& options, const DataSource& source, Producer& bus) {
  bus.status(v1::INITIALIZING, "loading " + options.data.spec);
  const auto data = load_data_set(source, options.data, stop_requested);
  Training training(options, data, bus);
  const std::jthread companion([&](std::stop_token done) { look_after(done, bus, training); });
  return training.run();
}

int run(TrainOptions options) {
  if (options.run.empty()) options.run = data_set_kind(options.data.spec);
  const auto source = open_data_source(options.data);
  Producer bus({.run = options.run,
                .trainer = options.name,
                .broker = options.broker,
                .tile_pixels = options.tile_size,
                .client_name = "trainbus-train"});
  try {
    const auto ending = train(options, *source, bus);
    say("{}: {}", ending.status == v1::COMPLETED ? "completed" : "failed", ending.message);
    bus.finish(ending.status, ending.message, kGoodbye);
    return 0;
  } catch (const std::exception& error) {
    bus.finish(v1::FAILED, error.what(), kGoodbye);
    if (!stop_requested()) throw;
    say("failed: {}", error.what());
    return 0;
  }
}

}  // namespace
}  // namespace trainbus

int main(int argc, char** argv) {
  CLI::App app("Trains a small convolutional network and publishes the training on the bus", "trainbus-train");
  trainbus::TrainOptions options;
  trainbus::add_flags(app, options);
  return trainbus::run_program(app, argc, argv, [&] { return trainbus::run(options); });
}
