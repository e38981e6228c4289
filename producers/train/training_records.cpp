// What a training says on the bus.

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>

#include "say.hpp"
#include "top_predictions.hpp"
#include "training.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kTopClasses = 3;
// A table of doubles and names has to fit into a record of 1 MiB, and into an eye.
constexpr std::size_t kMostConfusedClasses = 100;

using Clock = Pace::Clock;

}  // namespace

void Training::announce() {
  if (first_step_ > 0) say("resumed from {} at step {}, in epoch {}", options_.resume, step(), epoch_);
  say("training {} ({} parameters) on {}: {} training and {} validation samples of {}, {} classes", subject_.model,
      learner_.parameters(), data_.name, data_.train.size(), data_.validation.size(), subject_.shape,
      data_.class_names.size());
  bus_.start(plan());
}

TrainingPlan Training::plan() {
  planned_batches_ = batches_in_epoch();
  return {.total_epochs = options_.epochs,
          .batches_per_epoch = planned_batches_,
          .batch_size = static_cast<std::int32_t>(sampler_.batch_size()),
          .learning_rate = learner_.learning_rate(),
          .model_name = subject_.model,
          .dataset_name = data_.name,
          .class_names = data_.class_names,
          .parameters = parameters(),
          .tags = options_.tags,
          .notes = options_.notes,
          .first_step = first_step_};
}

std::map<std::string, std::string> Training::parameters() const {
  std::map<std::string, std::string> all = {{"optimizer", "sgd"},
                                            {"learning_rate", fmt::format("{}", at_start_.learning_rate)},
                                            {"momentum", fmt::format("{}", at_start_.momentum)},
                                            {"weight_decay", fmt::format("{}", at_start_.weight_decay)},
                                            {"batch_size", fmt::format("{}", at_start_.batch_size)},
                                            {"seed", fmt::format("{}", options_.data.seed)},
                                            {"augmentation", "none"},
                                            {"model/parameters", fmt::format("{}", learner_.parameters())},
                                            {"data/source", options_.data.spec},
                                            {"data/train_samples", fmt::format("{}", data_.train.size())},
                                            {"data/validation_samples", fmt::format("{}", data_.validation.size())},
                                            {"data/image", subject_.shape},
                                            {"device", options_.device},
                                            {"threads", fmt::format("{}", options_.threads)}};
  if (first_step_ > 0) all["resumed_from"] = options_.resume;
  if (!data_.notes.empty()) all["data/notes"] = fmt::format("{}", fmt::join(data_.notes, "; "));
  return all;
}

void Training::log_batch(const BatchResult& result) {
  const bool record = step() % options_.batch_every == 0;
  predictions_.clear();
  if (record) predictions_ = top_predictions(result.logits, data_.class_names, kTopClasses);
  NamedValues scalars;
  if (result.grad_norm) scalars.add({"grad_norm", *result.grad_norm});
  bus_.log_batch(
      {.epoch = epoch_,
       .batch = batches_taken_ - 1,
       .batch_size = static_cast<std::int32_t>(batch_.size()),
       .loss = result.loss,
       .accuracy = result.accuracy,
       .learning_rate = learner_.learning_rate(),
       .predictions = predictions_,
       .ground_truth = std::span(batch_.labels).first(predictions_.size()),
       .scalars = scalars},
      [&](TileBatch& tiles) { add_tiles(tiles, result); }, record);
}

void Training::add_tiles(TileBatch& tiles, const BatchResult& result) {
  if (predictions_.empty()) predictions_ = top_predictions(result.logits, data_.class_names, kTopClasses);
  const auto& shape = batch_.shape;
  for (std::size_t row = 0; row < predictions_.size() && tiles.room() > 0; ++row)
    tiles.add(batch_.image(row), shape.width, shape.height, shape.channels, 0, batch_.labels[row], predictions_[row],
              std::to_string(batch_.indices[row]));
}

void Training::log_perf() {
  const auto now = Clock::now();
  const double in_epoch = pace_.epoch_sec(now);
  const auto left_in_epoch = batches_in_epoch() - batches_taken_;
  const double epoch_left = left_in_epoch * pace_.recent_step_sec();
  const double epoch_whole = batches_in_epoch() * pace_.recent_step_sec() + validation_sec_;
  double remaining = epoch_left + validation_sec_ + (options_.epochs - epoch_) * epoch_whole;
  if (options_.seconds > 0) {
    const double trained = std::chrono::duration<double>(now - began_).count();
    remaining = std::min(remaining, std::max(0.0, options_.seconds - trained));
  }
  bus_.log_perf({.time_per_batch_ms = 1000 * pace_.recent_step_sec(),
                 .total_time_for_epoch_sec = in_epoch + epoch_left,
                 .estimated_time_remaining_sec = remaining,
                 .current_fps = pace_.current_fps(),
                 .average_fps = pace_.average_fps(now)});
}

void Training::log_validation(const Validation& validation) {
  if (!publishes_) return;
  const auto& averages = validation.averages();
  bus_.log_scalars(step(), {{"val/loss", averages.loss},
                            {"val/accuracy", averages.accuracy},
                            {"val/top3_accuracy", validation.top_accuracy()},
                            {"val/worst_class_accuracy", validation.worst_class_accuracy()}});
  log_confusion(validation);
  for (const auto& layer : learner_.weights())
    bus_.log_histogram("weights/" + layer.name, layer.values);
}

void Training::log_confusion(const Validation& validation) {
  const auto& names = data_.class_names;
  if (names.size() > kMostConfusedClasses) return;
  bus_.log_table("val/confusion", {.columns = names, .rows = names, .values = validation.confusion()});
}

}  // namespace trainbus
