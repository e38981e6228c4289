#include "options.hpp"

#include <cmath>

#include "trainbus/topic.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

const CLI::Validator bus_name(
    [](std::string& text) {
      return valid_name(text) ? std::string() : '\'' + text + "' is not 1 to 64 of the characters A-Z a-z 0-9 . _ -";
    },
    "NAME");

const CLI::Validator positive_finite(
    [](std::string& text) {
      double value = 0;
      const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value > 0;
      return good ? std::string() : '\'' + text + "' is not a finite number above 0";
    },
    ">0");

constexpr const char* kFooter = R"(
Examples:
  trainbus-train                                       draws shapes and learns them; run 'shapes', trainer 't0'
  trainbus-train --dataset mnist:DIR --epochs 5        MNIST from its four official files, plain or .gz
  trainbus-train --dataset cifar10:DIR                 CIFAR-10, binary version
  trainbus-train --dataset folder:DIR                  a subfolder of JPEG or PNG per class
  trainbus-train --no-bus                              the same training, without a bus
  trainbus-ctl set-lr shapes/t0 0.001                  (elsewhere) changes the learning rate of the running training
  trainbus-ctl commands shapes/t0 --export edits.txt   (elsewhere) what was changed at which step, as a schedule
  trainbus-train --schedule edits.txt                  the same training with the same changes

Prints a line per epoch and per command that was applied. The training goes on when the broker is away. SIGINT and
SIGTERM end it at the next batch: its last status is then FAILED, 'stopped by SIGTERM at step N'; a stop that was
commanded, a limit that was reached and the last epoch are COMPLETED.)";

void add_data_flags(CLI::App& app, TrainOptions& options) {
  auto& data = options.data;
  app.add_option("--dataset", data.spec, "shapes | mnist:DIR | cifar10:DIR | folder:DIR")->capture_default_str();
  app.add_option("--validation", data.validation, "share kept for validation, where the data has no test files")
      ->check(CLI::Range(0.001, 0.9))
      ->capture_default_str();
  app.add_option("--limit-samples", data.limit_samples, "at most N to train and N to validate with; 0: all")
      ->capture_default_str();
  app.add_option("--image-size", data.image_size, "folder: side in pixels; 0: as the first image, 64 at most")
      ->check(CLI::Range(0, kMaxImagePixels))
      ->capture_default_str();
  app.add_option("--seed", data.seed, "of the split, the weights, the order and the shapes")->capture_default_str();
}

void add_training_flags(CLI::App& app, TrainOptions& options) {
  app.add_option("--epochs", options.epochs)->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--batch-size", options.batch_size)->check(CLI::Range(1, kMaxBatchSize))->capture_default_str();
  app.add_option("--batches-per-epoch", options.batches_per_epoch, "at most; 0: all samples once")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--lr", options.learning_rate, "learning rate (SGD, momentum 0.9)")
      ->check(positive_finite)
      ->capture_default_str();
  app.add_option("--device", options.device)->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  app.add_option("--threads", options.threads, "of libtorch")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seconds", options.seconds, "end after so long; 0: no limit")
      ->check(CLI::Range(0.0, 1e9))
      ->capture_default_str();
  app.add_option("--target-accuracy", options.target_accuracy, "end once the validation accuracy is there; 0: do not")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--stop-when-converged", options.stop_when_converged,
               "end once the validation loss has not fallen for 5 epochs");
  app.add_option("--batch-delay-ms", options.batch_delay_ms, "wait after each batch, to watch it slowly")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  app.add_option("--schedule", options.schedule,
                 "apply the edits of this file at their steps, a line each: STEP set-lr RATE, "
                 "STEP set-batch-size SIZE, STEP stop; trainbus-ctl commands --export writes one")
      ->type_name("FILE");
}

void add_bus_flags(CLI::App& app, TrainOptions& options) {
  app.add_option("--run", options.run, "name of the run; default: the data set's name")->check(bus_name);
  app.add_option("--name", options.name, "name of this trainer within the run")->check(bus_name)->capture_default_str();
  auto* broker = app.add_option("--broker", options.broker, "address of the broker, or $TRAINBUS_BROKER")
                     ->type_name("tcp://HOST:PORT")
                     ->capture_default_str();
  app.add_flag_callback(
         "--no-bus", [&options] { options.broker.clear(); }, "publish nothing, as --broker ''")
      ->excludes(broker);
  app.add_option("--batch-every", options.batch_every, "a batch record every N-th step")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--perf-every", options.perf_every, "a perf record every N-th step")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--tile-size", options.tile_size, "longer side of a tile, in pixels; never scaled up")
      ->check(CLI::Range(1, kMaxImagePixels))
      ->capture_default_str();
}

}  // namespace

void add_flags(CLI::App& app, TrainOptions& options) {
  add_data_flags(app, options);
  add_training_flags(app, options);
  add_bus_flags(app, options);
  app.footer(kFooter);
}

}  // namespace trainbus
