// trainbus-train: the reference trainer. Data set -> batches -> network, with the bus looking on.

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stop_token>
#include <thread>

#include "options.hpp"
#include "say.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/program.hpp"
#include "trainbus/schedule.hpp"
#include "trainbus/service.hpp"
#include "training.hpp"

namespace trainbus {
namespace {

// For the broker to store the last records.
constexpr std::chrono::milliseconds kGoodbye{1200};
constexpr std::chrono::seconds kBrokerPatience{3};

// libtorch allocates and frees the same megabytes in each step. Kept by the process instead of given back to the system
// they save the page faults, a sixth of the CPU time of a training on shapes.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most glibc takes
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

// Runs beside the training: wakes it out of a pause when a signal asks for the end, says pauses on stdout, and says
// once when the broker is away.
void look_after(const std::stop_token& done, const TrainOptions& options, const Training& training, Producer& bus) {
  bool paused = false;
  bool away = false;
  for (auto last_seen = Pace::Clock::now(); !done.stop_requested();) {
    if (wait_or_stop(std::chrono::milliseconds(100))) return bus.interrupt();
    reload_if_asked();
    if (bus.paused() != paused) {
      paused = !paused;
      say("applied {} at step {}", paused ? "pause" : "resume", training.step());
    }
    if (options.broker.empty()) continue;
    if (bus.connected()) {
      last_seen = Pace::Clock::now();
      if (away) spdlog::info("the broker {} is there again", options.broker);
      away = false;
    } else if (!away && Pace::Clock::now() - last_seen > kBrokerPatience) {
      spdlog::warn("the broker {} does not answer; the training goes on, its records wait", options.broker);
      away = true;
    }
  }
}

std::vector<ScheduledEdit> edits_in(const std::string& file) {
  if (file.empty()) return {};
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in) throw std::runtime_error("schedule " + file + " cannot be read: " + std::strerror(errno));
  auto edits = parse_schedule(text, "schedule " + file);
  const auto pauses = std::erase_if(edits, [](const ScheduledEdit& edit) {
    return edit.type == v1::PAUSE_TRAINING || edit.type == v1::RESUME_TRAINING;
  });
  say("schedule {}: {} edits to replay, {} pauses and resumes left out, they change nothing", file, edits.size(),
      pauses);
  return edits;
}

// Nothing when the training begins anew.
std::optional<Checkpoint> checkpoint_in(const TrainOptions& options) {
  if (options.resume.empty()) return std::nullopt;
  auto checkpoint = load_checkpoint(options.resume);
  if (checkpoint.position.epoch > options.epochs)
    throw std::runtime_error(fmt::format("--resume {}: it is in epoch {}, beyond --epochs {}", options.resume,
                                         checkpoint.position.epoch, options.epochs));
  return checkpoint;
}

Ending train(const TrainOptions& options, const DataSource& source, std::vector<ScheduledEdit> edits,
             const Checkpoint* resumed, Producer& bus) {
  bus.status(v1::INITIALIZING, "loading " + options.data.spec);
  const auto data = load_data_set(source, options.data, stop_requested);
  for (const auto& note : data.notes)
    say("{}", note);
  Training training(options, data, bus, resumed, std::move(edits));
  const std::jthread companion([&](const std::stop_token& done) { look_after(done, options, training, bus); });
  auto ending = training.run();
  if (training.edits_left() > 0)
    spdlog::warn("{} of the edits of the schedule lie after the last step {}", training.edits_left(), training.step());
  return ending;
}

int run(TrainOptions options) {
  if (options.broker == "off") options.broker.clear();
  if (options.run.empty()) options.run = job_run(data_set_kind(options.data.spec));
  const auto source = open_data_source(options.data);
  if (options.checkpoint.empty()) options.checkpoint = options.run + '-' + options.name + ".safetensors";
  auto edits = edits_in(options.schedule);
  const auto resumed = checkpoint_in(options);
  keep_freed_memory();
  Producer bus({.run = options.run,
                .trainer = options.name,
                .broker = options.broker,
                .tile_pixels = options.tile_size,
                .on_problem = [](const std::string& line) { spdlog::warn("{}", line); },
                .client_name = "trainbus-train"});
  try {
    const auto ending = train(options, *source, std::move(edits), resumed ? &*resumed : nullptr, bus);
    say("{}{}", ending.status == v1::COMPLETED ? "completed: " : "", ending.message);
    bus.finish(ending.status, ending.message, kGoodbye);  // says itself what was not stored
  } catch (const std::exception& error) {
    // A signal while the data is read ends the reading by an exception, and is no error.
    const bool stopped = stop_requested();
    const auto message = stopped ? fmt::format("stopped by {} while loading", stop_signal()) : error.what();
    if (stopped) say("{}", message);
    bus.finish(stopped ? v1::STOPPED : v1::FAILED, message, kGoodbye);
    if (!stopped) throw;
  }
  return 0;
}

}  // namespace
}  // namespace trainbus

int main(int argc, char** argv) {
  CLI::App app("Trains a small convolutional network and publishes the training on the bus", "trainbus-train");
  trainbus::TrainOptions options;
  trainbus::add_flags(app, options);
  return trainbus::run_program(app, argc, argv, [&] { return trainbus::run(options); });
}
