#include "training.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "say.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kValidationBatch = 64;
constexpr std::chrono::milliseconds kShortestPause{50};  // anything less is the scheduler's doing

using Clock = Pace::Clock;

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

// What the flags say, else the checkpoint, else what is usual; a batch is never more than all samples.
Hyperparameters hyperparameters(const TrainOptions& options, const Checkpoint* resumed, std::size_t samples) {
  const Hyperparameters otherwise = resumed == nullptr ? Hyperparameters{} : resumed->in_force;
  const auto most = static_cast<int>(std::min<std::size_t>(samples, kMaxBatchSize));
  return {.batch_size = std::min(options.batch_size.value_or(otherwise.batch_size), most),
          .learning_rate = options.learning_rate.value_or(otherwise.learning_rate),
          .momentum = options.momentum.value_or(otherwise.momentum),
          .weight_decay = options.weight_decay.value_or(otherwise.weight_decay)};
}

}  // namespace

Training::Training(const TrainOptions& options, const DataSet& data, Producer& bus, const Checkpoint* resumed,
                   std::vector<ScheduledEdit> edits)
    : options_(options),
      data_(data),
      bus_(bus),
      publishes_(!options.broker.empty()),
      subject_(subject_of(data, options.data.seed, Learner::kModelName)),
      checkpoint_file_(options.checkpoint),
      at_start_(hyperparameters(options, resumed, data.train.size())),
      learner_({.shape = data.samples.shape(),
                .classes = static_cast<int>(data.class_names.size()),
                .normalisation = normalisation_of(data.samples, data.train),
                .learning_rate = at_start_.learning_rate,
                .momentum = at_start_.momentum,
                .weight_decay = at_start_.weight_decay,
                .seed = options.data.seed,
                .threads = options.threads,
                .device = options.device}),
      sampler_(data.train, static_cast<std::size_t>(at_start_.batch_size), options.data.seed),
      pace_(Clock::now()),
      began_(Clock::now()),
      edits_(std::move(edits)) {
  sampler_.begin_epoch(epoch_);
  if (resumed != nullptr) go_on_from(*resumed);
  obey_commands();
}

void Training::go_on_from(const Checkpoint& checkpoint) {
  require_same_subject(options_.resume, checkpoint.subject, subject_);
  try {
    learner_.restore(checkpoint.tensors);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("--resume " + options_.resume + ": " + error.what());
  }
  const auto& position = checkpoint.position;
  first_step_ = position.step;
  step_ = position.step;
  epoch_ = position.epoch;
  batches_taken_ = position.batches_taken;
  trained_ = position.trained;
  convergence_ = position.convergence;
  sampler_.begin_epoch(epoch_, position.samples_taken);
}

Checkpoint Training::checkpoint() const {
  return {.subject = subject_,
          .position = {.step = step(),
                       .epoch = epoch_,
                       .batches_taken = batches_taken_,
                       .samples_taken = sampler_.samples_taken(),
                       .trained = trained_,
                       .convergence = convergence_},
          .in_force = {.batch_size = static_cast<int>(sampler_.batch_size()),
                       .learning_rate = learner_.learning_rate(),
                       .momentum = learner_.momentum(),
                       .weight_decay = learner_.weight_decay()},
          .tensors = learner_.tensors()};
}

Ending Training::run() {
  announce();
  began_ = Clock::now();
  pace_ = Pace(began_);
  for (; epoch_ <= options_.epochs; ++epoch_) {
    if (!train_epoch() || !finish_epoch()) return ending_;
    sampler_.begin_epoch(epoch_ + 1);
    batches_taken_ = 0;
    trained_ = {};
  }
  return {v1::COMPLETED, fmt::format("{} epochs, {} steps", options_.epochs, step())};
}

bool Training::train_epoch() {
  pace_.begin_epoch(Clock::now());
  if (const auto batches = batches_in_epoch(); batches != planned_batches_)
    bus_.change_plan(plan(), fmt::format("{} batches per epoch from epoch {}", batches, epoch_));
  while (batches_taken_ < batches_in_epoch()) {
    if (!may_go_on()) return false;
    train_batch(sampler_.next());
  }
  return true;
}

bool Training::may_go_on() {
  const bool stop_is_due = !replay_edits();
  const auto asked = Clock::now();
  const bool go_on = bus_.step();
  if (const auto waited = Clock::now() - asked; waited > kShortestPause) pace_.paused_for(waited);
  if (stop_requested()) return end(v1::STOPPED, fmt::format("stopped by {} at step {}", stop_signal(), step()));
  if (!go_on || stop_is_due) {
    say("applied stop at step {}", step());
    return end(v1::STOPPED, fmt::format("stopped by {} at step {}", go_on ? "schedule" : "command", step()));
  }
  if (options_.seconds > 0 && seconds_since(began_) >= options_.seconds)
    return end(v1::COMPLETED, fmt::format("time limit of {:g} s reached at step {}", options_.seconds, step()));
  return true;
}

bool Training::end(v1::TrainingStatus status, std::string message) {
  ending_ = {status, std::move(message)};
  return false;
}

void Training::train_batch(std::span<const std::uint32_t> chosen) {
  batch_.gather(data_.samples, chosen);
  ++batches_taken_;
  const bool record = publishes_ && (step() + 1) % options_.batch_every == 0;
  const auto result = learner_.train(batch_, kMaxImages, record);
  trained_.add(result.loss, result.accuracy, batch_.size());
  step_.fetch_add(1, std::memory_order_relaxed);
  if (!std::isfinite(result.loss) && !said_not_finite_) {
    said_not_finite_ = true;
    say("loss is not finite at step {}, going on; a lower learning rate may help", step());
  }
  if (publishes_) log_batch(result);
  if (options_.batch_delay_ms > 0) wait_or_stop(std::chrono::milliseconds(options_.batch_delay_ms));
  pace_.step_done(Clock::now());
  if (publishes_ && step() % options_.perf_every == 0) log_perf();
}

std::int32_t Training::batches_in_epoch() const {
  const auto batches = batches_taken_ + static_cast<std::int32_t>(sampler_.batches_left());
  return options_.batches_per_epoch > 0 ? std::min(batches, options_.batches_per_epoch) : batches;
}

bool Training::finish_epoch() {
  const double trained_sec = pace_.epoch_sec(Clock::now());
  const auto before = Clock::now();
  const auto validation = validate();
  validation_sec_ = seconds_since(before);
  if (stop_requested()) return may_go_on();
  const auto& validated = validation.averages();
  const bool converged = convergence_.add(validated.loss);
  bus_.log_epoch({.epoch = epoch_,
                  .average_loss = trained_.loss,
                  .average_accuracy = trained_.accuracy,
                  .learning_rate = learner_.learning_rate(),
                  .is_converged = converged,
                  .validation_loss = validated.loss,
                  .validation_accuracy = validated.accuracy});
  log_validation(validation);
  say("epoch {}/{}  train loss {:.4f} accuracy {:.4f}  validation loss {:.4f} accuracy {:.4f}  lr {:g}  {:.1f} "
      "batches/s  "
      "{:.1f} s",
      epoch_, options_.epochs, trained_.loss, trained_.accuracy, validated.loss, validated.accuracy,
      learner_.learning_rate(), batches_taken_ / trained_sec, trained_sec + validation_sec_);
  if (options_.target_accuracy > 0 && validated.accuracy >= options_.target_accuracy)
    return end(v1::COMPLETED, fmt::format("validation accuracy {:.4f} reached at step {}", validated.accuracy, step()));
  if (options_.stop_when_converged && converged) return end(v1::COMPLETED, fmt::format("converged at step {}", step()));
  return true;
}

Validation Training::validate() {
  // Twice what it should take; a validation step is cheaper than a training step of as many samples.
  const double expected_sec = 2 * pace_.recent_step_sec() * static_cast<double>(data_.validation.size()) /
                              static_cast<double>(sampler_.batch_size());
  bus_.expect_next_step_within(std::chrono::milliseconds(10'000 + static_cast<std::int64_t>(1000 * expected_sec)));
  Validation validation(data_.class_names.size());
  Batch batch;
  for (std::size_t at = 0; at < data_.validation.size() && !stop_requested(); at += kValidationBatch) {
    const auto count = std::min(kValidationBatch, data_.validation.size() - at);
    batch.gather(data_.samples, std::span(data_.validation).subspan(at, count));
    const auto result = learner_.evaluate(batch);
    validation.add(result.loss, result.accuracy, batch.labels, result.logits);
  }
  return validation;
}

}  // namespace trainbus
