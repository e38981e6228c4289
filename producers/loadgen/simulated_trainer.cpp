#include "simulated_trainer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace trainbus {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr int kClasses = 10;
constexpr const char* kClassNames[kClasses] = {"apple", "boat", "cat", "dog",  "egg",
                                               "frog",  "goat", "hat", "iris", "jar"};
constexpr double kStartLoss = 2.303;  // ln 10: ten classes, nothing learned
constexpr double kFloorLoss = 0.05;
constexpr double kLearnedSteps = 2000;  // steps at the first learning rate until the loss is down to a third
constexpr double kFirstLearningRate = 0.01;
constexpr int kValuesPerGroup = 4;
constexpr int kMaxBatchesPerStep = 256;
constexpr std::uint64_t kMaxAhead = 32'768;  // records; "as fast as possible" means as fast as they are stored
constexpr milliseconds kMaxBehind{500};      // further behind than that, the missed batches are given up
constexpr milliseconds kTurn{10};            // between turns without a batch, as a trainer of its own takes them

ProducerOptions bus_options(const LoadOptions& options, const std::string& name, ProblemLines& problems) {
  ProducerOptions bus;
  bus.run = options.run;
  bus.trainer = name;
  bus.broker = options.broker;
  bus.max_tile_rate_hz = options.tile_rate_hz;
  bus.tile_pixels = options.tile_pixels;
  bus.client_name = "trainbus-loadgen";
  bus.spool_dir.clear();  // a thousand trainers, and nothing to keep
  bus.own_threads = false;
  bus.meter_resources = false;  // theirs are invented
  bus.on_problem = [name, &problems](const std::string& line) { problems.say(name, line); };
  return bus;
}

}  // namespace

SimulatedTrainer::SimulatedTrainer(const LoadOptions& options, int index, const TilePictures& pictures,
                                   ProblemLines& problems, Clock::time_point start)
    : options_(options),
      pictures_(pictures),
      name_(options.name_prefix + std::to_string(index)),
      bus_(bus_options(options, name_, problems)),
      random_(options.seed * 1'000'003 + index),
      started_(start),
      interval_(options.batch_rate_hz > 0
                    ? std::chrono::duration_cast<Clock::duration>(duration<double>(1 / options.batch_rate_hz))
                    : Clock::duration::zero()) {
  // Spread over the interval, so that a thousand trainers do not all publish at the same moment.
  next_batch_ = start + interval_ * index / options.trainers;
  bus_.on_learning_rate([this](double value) { return set_learning_rate(value); });
  bus_.on_batch_size([this](double value) { return set_batch_size(value); });
  for (int i = 0; i < options.scalars; ++i)
    value_names_.push_back("group" + std::to_string(i / kValuesPerGroup) + "/value" + std::to_string(i));
  if (options.tile_rate_hz > 0) tile_source_ = [this](TileBatch& tiles) { add_tiles(tiles); };
  TrainingPlan plan;
  plan.total_epochs = 1000;
  plan.batches_per_epoch = options.epoch_every;
  plan.batch_size = batch_size_;
  plan.learning_rate = learning_rate_;
  plan.model_name = "simulated";
  plan.dataset_name = "textures";
  plan.parameters = {{"optimizer", "sgd"}, {"seed", std::to_string(options.seed)}};
  plan.tags = {"simulated"};
  plan.class_names.assign(std::begin(kClassNames), std::end(kClassNames));
  for (int i = 0; i < options.class_names; ++i)
    plan.class_names.push_back("class " + std::to_string(i));
  bus_.start(plan);
}

SimulatedTrainer::Clock::time_point SimulatedTrainer::step(Clock::time_point now) {
  if (now < std::min(next_batch_, next_turn_)) return std::min(next_batch_, next_turn_);
  next_turn_ = now + kTurn;
  if (!ended_ && !bus_.step()) end(v1::STOPPED, bus_.stop_commanded() ? "stopped by command" : "interrupted");
  if (bus_.paused() || now - next_batch_ > kMaxBehind) next_batch_ = std::max(next_batch_, now);
  const bool ahead = interval_ == Clock::duration::zero() && bus_.counters().in_outbox > kMaxAhead;
  const bool at_work = !ended_ && !bus_.paused() && !ahead;
  for (int count = 0; count < kMaxBatchesPerStep && at_work && next_batch_ <= now; ++count) {
    do_batch();
    next_batch_ += interval_;
  }
  bus_.poll_once(milliseconds(0));
  return at_work ? std::min(next_batch_, next_turn_) : next_turn_;
}

void SimulatedTrainer::end(v1::TrainingStatus status, const std::string& message) {
  if (std::exchange(ended_, true)) return;
  bus_.status(status, message);
}

bool SimulatedTrainer::all_stored() const { return bus_.counters().in_outbox == 0; }

void SimulatedTrainer::do_batch() {
  learned_ += learning_rate_ / kFirstLearningRate;
  const double smooth = kFloorLoss + (kStartLoss - kFloorLoss) * std::exp(-learned_ / kLearnedSteps);
  loss_ = std::max(0.0, smooth * (1 + noise(0.1 * std::sqrt(64.0 / batch_size_))));
  accuracy_ = std::clamp(1 - 0.9 * smooth / kStartLoss + noise(0.03), 0.0, 1.0);
  ++batches_done_;
  const bool diverges = options_.nan_every > 0 && batches_done_ % options_.nan_every == 0;
  bus_.log_batch({.epoch = epoch_,
                  .batch = batch_,
                  .batch_size = batch_size_,
                  .loss = diverges ? std::nan("") : loss_,
                  .accuracy = accuracy_,
                  .learning_rate = learning_rate_,
                  .scalars = values()},
                 tile_source_);
  epoch_loss_ += loss_;
  epoch_accuracy_ += accuracy_;
  if (options_.perf_every > 0 && batches_done_ % options_.perf_every == 0) log_perf();
  if (++batch_ == options_.epoch_every) log_epoch();
}

void SimulatedTrainer::log_epoch() {
  const double average = epoch_loss_ / batch_;
  const double accuracy = epoch_accuracy_ / batch_;
  bus_.log_epoch({.epoch = epoch_,
                  .average_loss = average,
                  .average_accuracy = accuracy,
                  .learning_rate = learning_rate_,
                  .validation_loss = average * 1.1,
                  .validation_accuracy = accuracy * 0.97});
  if (options_.media) log_media();
  epoch_loss_ = epoch_accuracy_ = 0;
  batch_ = 0;
  ++epoch_;
}

NamedValues SimulatedTrainer::values() {
  NamedValues values;
  for (std::size_t i = 0; i < value_names_.size(); ++i)
    values.add({value_names_[i], loss_ * static_cast<double>(i + 1) + noise(0.01)});
  return values;
}

void SimulatedTrainer::log_media() {
  bus_.log_text("sample", "Epoch " + std::to_string(epoch_) + ": the loss is " + std::to_string(loss_) + ".");
  std::array<float, 1000> weights;
  std::generate(weights.begin(), weights.end(), [this] { return static_cast<float>(noise(loss_)); });
  bus_.log_histogram("weights", weights, 32);
  MediaTable confusion{
      {std::begin(kClassNames), std::end(kClassNames)}, {std::begin(kClassNames), std::end(kClassNames)}, {}};
  for (int cell = 0; cell < kClasses * kClasses; ++cell)
    confusion.values.push_back(cell % (kClasses + 1) == 0 ? 100 * accuracy_ : 100 * (1 - accuracy_) / (kClasses - 1));
  bus_.log_table("confusion", confusion);
  const MediaImage picture{.pixels = pictures_.picture(static_cast<std::uint64_t>(epoch_)),
                           .width = pictures_.side(),
                           .height = pictures_.side(),
                           .caption = kClassNames[epoch_ % kClasses]};
  bus_.log_images("generated", std::span(&picture, 1));
}

void SimulatedTrainer::log_perf() {
  const double elapsed = duration<double>(Clock::now() - started_).count();
  const double average_fps = elapsed > 0 ? static_cast<double>(batches_done_) / elapsed : 0;
  const double fps = options_.batch_rate_hz > 0 ? options_.batch_rate_hz : average_fps;
  bus_.log_perf({.time_per_batch_ms = fps > 0 ? 1000 / fps : 0,
                 .total_time_for_epoch_sec = fps > 0 ? options_.epoch_every / fps : 0,
                 .estimated_time_remaining_sec = fps > 0 ? options_.epoch_every * (1000 - epoch_) / fps : 0,
                 .current_fps = fps,
                 .average_fps = average_fps,
                 .resources = Resources{.cpu_percent = 50 + 10 * std::sin(elapsed), .memory_mb = 512}});
}

CommandOutcome SimulatedTrainer::set_learning_rate(double value) {
  return Applied{std::exchange(learning_rate_, value), value};
}

CommandOutcome SimulatedTrainer::set_batch_size(double value) {
  return Applied{static_cast<double>(std::exchange(batch_size_, static_cast<int>(value))), value};
}

void SimulatedTrainer::add_tiles(TileBatch& tiles) {
  std::array<Prediction, 1> reused;
  for (std::uint64_t i = 0; tiles.room() > 0; ++i) {
    const std::uint64_t picture = batches_done_ + i;
    const auto truth = static_cast<std::int32_t>(picture % kClasses);
    const bool right = std::uniform_real_distribution<double>(0, 1)(random_) < accuracy_;
    Prediction& prediction = reused[0];
    prediction.predicted_class = right ? truth : (truth + 1) % kClasses;
    prediction.label = kClassNames[prediction.predicted_class];
    prediction.confidence = static_cast<float>(right ? 0.5 + accuracy_ / 2 : 0.4);
    tiles.add(pictures_.picture(picture), pictures_.side(), pictures_.side(), 3, 0, truth, prediction,
              std::to_string(picture));
  }
}

}  // namespace trainbus
