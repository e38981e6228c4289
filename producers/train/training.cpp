#include "training.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "say.hpp"
#include "top_predictions.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kTopClasses = 3;
constexpr std::size_t kValidationBatch = 64;
constexpr std::chrono::milliseconds kShortestPause{50};  // anything less is the scheduler's doing

using Clock = Pace::Clock;

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

}  // namespace

void Training::Averages::add(const StepResult& result, std::size_t count) {
  const double share = static_cast<double>(count) / static_cast<double>(samples += count);
  loss += (result.loss - loss) * share;
  accuracy += (result.accuracy - accuracy) * share;
}

Training::Training(const TrainOptions& options, const DataSet& data, Producer& bus, std::vector<ScheduledEdit> edits)
    : options_(options),
      data_(data),
      bus_(bus),
      publishes_(!options.broker.empty()),
      learner_({.shape = data.samples.shape(),
                .classes = static_cast<int>(data.class_names.size()),
                .normalisation = normalisation_of(data.samples, data.train),
                .learning_rate = options.learning_rate,
                .seed = options.data.seed,
                .threads = options.threads,
                .device = options.device}),
      sampler_(data.train, std::min<std::size_t>(options.batch_size, data.train.size()), options.data.seed),
      pace_(Clock::now()),
      began_(Clock::now()),
      edits_(std::move(edits)) {
  obey_commands();
}

void Training::obey_commands() {
  bus_.on_learning_rate([this](double rate) { return set_learning_rate(rate); });
  bus_.on_batch_size([this](double value) { return set_batch_size(value); });
}

CommandOutcome Training::set_learning_rate(double rate) {
  const double before = learner_.learning_rate();
  learner_.set_learning_rate(rate);
  say_change(fmt::format("applied set-lr {:g} -> {:g} at step {}", before, rate, step()));
  return Applied{before, rate};
}

CommandOutcome Training::set_batch_size(double value) {
  const auto before = sampler_.batch_size();
  const auto after = static_cast<std::size_t>(value);
  if (after > sampler_.samples())
    return Rejected{fmt::format("batch size {} is more than the {} training samples", after, sampler_.samples())};
  sampler_.set_batch_size(after);
  say_change(fmt::format("applied set-batch-size {} -> {} at step {}", before, after, step()));
  return Applied{static_cast<double>(before), static_cast<double>(after)};
}

bool Training::replay_edits() {
  for (; edits_left() > 0 && edits_[edits_done_].step <= step(); ++edits_done_) {
    const auto& edit = edits_[edits_done_];
    CommandOutcome outcome;
    switch (edit.type) {
      case v1::CHANGE_LEARNING_RATE: outcome = set_learning_rate(edit.value()); break;
      case v1::ADJUST_BATCH_SIZE: outcome = set_batch_size(edit.value()); break;
      case v1::STOP_TRAINING: ++edits_done_; return false;
      default: continue;
    }
    if (const auto* rejected = std::get_if<Rejected>(&outcome))
      say("rejected {} of the schedule at step {}: {}", command_verb(edit.type), step(), rejected->reason);
  }
  return true;
}

void Training::announce() {
  say("training {} ({} parameters) on {}: {} training and {} validation samples of {}, {} classes",
      learner_.model_name(), learner_.parameters(), data_.name, data_.train.size(), data_.validation.size(),
      data_.samples.shape().text(), data_.class_names.size());
  bus_.start(plan());
}

TrainingPlan Training::plan() {
  planned_batches_ = batches_in_epoch();
  return {.total_epochs = options_.epochs,
          .batches_per_epoch = planned_batches_,
          .batch_size = static_cast<std::int32_t>(sampler_.batch_size()),
          .learning_rate = learner_.learning_rate(),
          .model_name = learner_.model_name(),
          .dataset_name = data_.name,
          .class_names = data_.class_names};
}

void Training::say_change(const std::string& change) {
  say("{}", change);
  bus_.change_plan(plan(), change);
}

Ending Training::run() {
  announce();
  began_ = Clock::now();
  pace_ = Pace(began_);
  for (epoch_ = 1; epoch_ <= options_.epochs; ++epoch_)
    if (!train_epoch() || !finish_epoch()) return ending_;
  return {v1::COMPLETED, fmt::format("{} epochs, {} steps", options_.epochs, step())};
}

bool Training::train_epoch() {
  sampler_.begin_epoch(epoch_);
  pace_.begin_epoch(Clock::now());
  trained_ = {};
  batches_taken_ = 0;
  if (const auto batches = batches_in_epoch(); batches != planned_batches_)
    bus_.change_plan(plan(), fmt::format("{} batches per epoch from epoch {}", batches, epoch_));
  for (; batches_taken_ < batches_in_epoch();) {
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
  if (stop_requested()) return end(v1::FAILED, fmt::format("stopped by {} at step {}", stop_signal(), step()));
  if (!go_on || stop_is_due) {
    say("applied stop at step {}", step());
    return end(v1::COMPLETED, fmt::format("stopped by {} at step {}", go_on ? "schedule" : "command", step()));
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
  const auto result = learner_.train(batch_, kMaxImages);
  trained_.add(result, batch_.size());
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

void Training::log_batch(const StepResult& result) {
  const bool record = step() % options_.batch_every == 0;
  predictions_.clear();
  if (record) predictions_ = top_predictions(result.logits, data_.class_names, kTopClasses);
  bus_.log_batch(
      {.epoch = epoch_,
       .batch = batches_taken_ - 1,
       .batch_size = static_cast<std::int32_t>(batch_.size()),
       .loss = result.loss,
       .accuracy = result.accuracy,
       .learning_rate = learner_.learning_rate(),
       .predictions = predictions_,
       .ground_truth = std::span(batch_.labels).first(predictions_.size())},
      [&](TileBatch& tiles) { add_tiles(tiles, result); }, record);
}

void Training::add_tiles(TileBatch& tiles, const StepResult& result) {
  if (predictions_.empty()) predictions_ = top_predictions(result.logits, data_.class_names, kTopClasses);
  const auto& shape = batch_.shape;
  for (std::size_t row = 0; row < predictions_.size() && tiles.room() > 0; ++row)
    tiles.add(batch_.image(row), shape.width, shape.height, shape.channels, 0, batch_.labels[row], predictions_[row],
              batch_.indices[row]);
}

void Training::log_perf() {
  const auto now = Clock::now();
  const double in_epoch = pace_.epoch_sec(now);
  const auto left_in_epoch = batches_in_epoch() - batches_taken_;
  const double epoch_left = left_in_epoch * pace_.recent_step_sec();
  const double epoch_whole = batches_in_epoch() * pace_.recent_step_sec() + validation_sec_;
  double remaining = epoch_left + validation_sec_ + (options_.epochs - epoch_) * epoch_whole;
  if (options_.seconds > 0) remaining = std::min(remaining, std::max(0.0, options_.seconds - seconds_since(began_)));
  const auto& used = resources_.usage();
  bus_.log_perf({.time_per_batch_ms = 1000 * pace_.recent_step_sec(),
                 .total_time_for_epoch_sec = in_epoch + epoch_left,
                 .estimated_time_remaining_sec = remaining,
                 .current_fps = pace_.current_fps(),
                 .average_fps = pace_.average_fps(now),
                 .cpu_percent = used.cpu_percent,
                 .memory_mb = used.memory_mb});
}

std::int32_t Training::batches_in_epoch() const {
  const auto batches = batches_taken_ + static_cast<std::int32_t>(sampler_.batches_left());
  return options_.batches_per_epoch > 0 ? std::min(batches, options_.batches_per_epoch) : batches;
}

bool Training::finish_epoch() {
  const double trained_sec = pace_.epoch_sec(Clock::now());
  // Twice what it should take; a validation step is cheaper than a training step of as many samples.
  const double expected_sec = 2 * pace_.recent_step_sec() * static_cast<double>(data_.validation.size()) /
                              static_cast<double>(sampler_.batch_size());
  bus_.expect_next_step_within(std::chrono::milliseconds(10'000 + static_cast<std::int64_t>(1000 * expected_sec)));
  const auto before = Clock::now();
  const auto validated = validate();
  validation_sec_ = seconds_since(before);
  if (stop_requested()) return may_go_on();
  const bool converged = convergence_.add(validated.loss);
  bus_.log_epoch({.epoch = epoch_,
                  .average_loss = trained_.loss,
                  .average_accuracy = trained_.accuracy,
                  .learning_rate = learner_.learning_rate(),
                  .is_converged = converged,
                  .validation_loss = validated.loss,
                  .validation_accuracy = validated.accuracy});
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

Training::Averages Training::validate() {
  Averages averages;
  Batch batch;
  for (std::size_t at = 0; at < data_.validation.size() && !stop_requested(); at += kValidationBatch) {
    const auto count = std::min(kValidationBatch, data_.validation.size() - at);
    batch.gather(data_.samples, std::span(data_.validation).subspan(at, count));
    averages.add(learner_.evaluate(batch), count);
  }
  return averages;
}

}  // namespace trainbus
