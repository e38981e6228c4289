#include "load_options.hpp"

#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr double kMaxRateHz = 1e6;

std::string check_name(const std::string& name) {
  return valid_name(name) ? "" : "'" + name + "' must match [A-Za-z0-9._-]{1,64}, and not of dots alone";
}

// The highest number is appended, so some bytes must be left for it.
std::string check_prefix(const std::string& prefix) { return check_name(prefix + "000000"); }

std::string check_broker(const std::string& address) {
  try {
    return parse_endpoints(address).base_port == 0 ? "'" + address + "' has no port to connect to" : "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

}  // namespace

void add_load_flags(CLI::App& app, LoadOptions& options) {
  const CLI::Range rate(0.0, kMaxRateHz);
  const CLI::Range count(1, 1'000'000'000);
  const auto add = [&app](const char* name, auto& value, const char* what) {
    return app.add_option(name, value, what)->capture_default_str();
  };
  add("--broker", options.broker, "Base address of the broker (default: $TRAINBUS_BROKER)")->check(check_broker);
  add("--run", options.run, "Name of the run")->check(check_name);
  add("--name-prefix", options.name_prefix, "Trainers are called PREFIX0, PREFIX1, ...")->check(check_prefix);
  add("--trainers", options.trainers, "How many trainers")->check(CLI::Range(1, 5000));
  add("--batch-rate", options.batch_rate_hz, "Batches per second of each; 0: as fast as they are stored")->check(rate);
  add("--epoch-every", options.epoch_every, "Batches per epoch")->check(count);
  add("--perf-every", options.perf_every, "A perf record every so many batches; 0: none")
      ->check(CLI::Range(0, 1'000'000'000));
  add("--scalars", options.scalars, "Named values in each batch record")
      ->check(CLI::Range(0, static_cast<int>(kMaxValueNames)));
  add("--class-names", options.class_names, "So many classes more in the plan of each")->check(CLI::Range(0, 10'000));
  app.add_flag("--media", options.media, "A text, a histogram, a table and a picture at the end of each epoch");
  add("--nan-every", options.nan_every, "Every so many batches the loss is NaN; 0: never")
      ->check(CLI::Range(0, 1'000'000'000));
  add("--tile-rate", options.tile_rate_hz, "Batches with 16 tiles per second of each, while watched; 0: none")
      ->check(rate);
  add("--tile-size", options.tile_pixels, "Side of a tile in pixels")->check(CLI::Range(8, kMaxImagePixels));
  add("--seconds", options.seconds, "End by itself after so long; 0: when interrupted or stopped by commands")
      ->check(CLI::Range(0.0, 1e7));
  add("--seed", options.seed, "Of losses and pictures");
  add("--threads", options.threads, "Threads that step the trainers")->check(CLI::Range(1, 64));
  app.add_flag("--json", options.json, "At the end, print JSON: produced and stored per trainer and kind");
}

}  // namespace trainbus
