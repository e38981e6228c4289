#include "options.hpp"

#include <cmath>

#include "trainbus/key_option.hpp"
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
  trainbus-train --dataset folder:DIR                  a subfolder per class, or train/ and val/ with these in them:
                                                       JPEG, PNG, WebP, TIFF, BMP, PPM, PGM; says what it leaves out
  trainbus-train --no-bus                              the same training, without a bus
  trainbus-ctl set-lr shapes/t0 0.001                  (elsewhere) changes the learning rate of the running training
  trainbus-ctl commands shapes/t0 --export edits.txt   (elsewhere) what was changed at which step, as a schedule
  trainbus-train --schedule edits.txt                  the same training with the same changes
  trainbus-ctl set shapes/t0 weight_decay 0.01         (elsewhere) also momentum; trainbus-ctl knobs shapes/t0 lists all
  trainbus-ctl set shapes/t0 save_checkpoint           (elsewhere) writes shapes-t0.safetensors
  trainbus-train --resume shapes-t0.safetensors        goes on from there, also in the middle of an epoch

Prints a line per epoch and per command that was applied. The training goes on when the broker is away. SIGINT and
SIGTERM end it at the next batch: its last status is then STOPPED, 'stopped by SIGTERM at step N', as after a stop that
was commanded. A limit that was reached and the last epoch are COMPLETED.)";

void add_data_flags(CLI::App& app, TrainOptions& options) {
  auto& data = options.data;
  app.add_option("--dataset", data.spec, "shapes | mnist:DIR | cifar10:DIR | folder:DIR")->capture_default_str();
  app.add_option("--validation", data.validation, "share kept for validation, where the data has no test files")
      ->check(CLI::Range(0.001, 0.9))
      ->capture_default_str();
  app.add_option("--limit-samples", data.limit_samples, "at most N to train and N to validate with; 0: all")
      ->capture_default_str();
  app.add_option("--image-size", data.image_size,
                 "folder: side in pixels; 0: the median of the images' longer sides, 64 at most")
      ->check(CLI::Range(0, kMaxImagePixels))
      ->capture_default_str();
  app.add_flag("--skip-bad", data.skip_bad,
               "folder: leave out the images that cannot be read, by name, instead of refusing the set");
  app.add_option("--seed", data.seed, "of the split, the weights, the order and the shapes")->capture_default_str();
}

void add_training_flags(CLI::App& app, TrainOptions& options) {
  app.add_option("--epochs", options.epochs)->check(CLI::Range(1, 1'000'000))->capture_default_str();
  app.add_option("--batch-size", options.batch_size)->check(CLI::Range(1, kMaxBatchSize))->default_str("64");
  app.add_option("--batches-per-epoch", options.batches_per_epoch, "at most; 0: all samples once")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--lr", options.learning_rate, "learning rate")->check(positive_finite)->default_str("0.01");
  app.add_option("--momentum", options.momentum, "of the optimizer, SGD")
      ->check(CLI::Range(0.0, kMostMomentum))
      ->default_str("0.9");
  app.add_option("--weight-decay", options.weight_decay, "L2 penalty on all weights")
      ->check(CLI::Range(0.0, kMostWeightDecay))
      ->default_str("0.0005");
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
                 "STEP set-batch-size SIZE, STEP set KNOB VALUE, STEP stop; trainbus-ctl commands --export writes one")
      ->type_name("FILE");
  app.add_option("--resume", options.resume,
                 "go on from this checkpoint, to --epochs; --dataset, --seed and the like have to be the same, batch "
                 "size, learning rate, momentum and weight decay are the checkpoint's unless given")
      ->type_name("FILE");
  app.add_option("--checkpoint", options.checkpoint,
                 "what the action save_checkpoint writes; default: RUN-NAME.safetensors in the working folder")
      ->type_name("FILE");
}

void add_bus_flags(CLI::App& app, TrainOptions& options) {
  app.add_option("--run", options.run, "name of the run; default: Slurm's or torchrun's job, else the data set's name")
      ->check(bus_name);
  app.add_option("--name", options.name, "name of this trainer within the run, in a job its task and rank")
      ->check(bus_name)
      ->capture_default_str();
  app.add_option("--tag", options.tags, "a word to find this training by; may be given again")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--notes", options.notes, "a text for people, kept with the run");
  auto* broker = app.add_option("--broker", options.broker, "address of the broker, or $TRAINBUS_BROKER")
                     ->type_name("tcp://HOST:PORT")
                     ->capture_default_str();
  add_key_option(app);
  app.add_flag_callback(
         "--no-bus", [&options] { options.broker.clear(); }, "publish nothing, as --broker off")
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
