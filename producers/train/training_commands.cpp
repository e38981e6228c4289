// What a training obeys: commands from the bus and edits of a schedule.

#include <spdlog/fmt/fmt.h>

#include <cmath>

#include "say.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/program.hpp"
#include "trainbus/wire.hpp"
#include "training.hpp"

namespace trainbus {
namespace {

constexpr std::chrono::seconds kSavingTime{60};  // on a network's file system

// The end of a path says more than its beginning.
std::string short_path(const std::string& path) {
  return path.size() <= kMaxKnobValueBytes ? path : "..." + path.substr(path.size() - kMaxKnobValueBytes + 3);
}

}  // namespace

void Training::obey_commands() {
  bus_.on_learning_rate([this](double rate) { return set_learning_rate(rate); });
  bus_.on_batch_size([this](double value) { return set_batch_size(value); });
  offer_hyperparameters();
  offer_actions();
}

void Training::offer_hyperparameters() {
  bus_.on_number({.name = "weight_decay", .min = 0, .max = kMostWeightDecay, .help = "L2 penalty on all weights"},
                 learner_.weight_decay(), [this](double value) { return set_weight_decay(value); });
  bus_.on_number({.name = "momentum", .min = 0, .max = kMostMomentum, .help = "of SGD; 0 forgets the steps so far"},
                 learner_.momentum(), [this](double value) { return set_momentum(value); });
}

void Training::offer_actions() {
  bus_.on_action({.name = "save_checkpoint", .help = "writes what --resume goes on from"},
                 [this] { return save_checkpoint_now(); });
  bus_.on_action({.name = "validate", .help = "measures on the validation samples now"},
                 [this] { return validate_now(); });
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

CommandOutcome Training::set_momentum(double value) {
  const double before = learner_.momentum();
  learner_.set_momentum(value);
  say("applied momentum {:g} -> {:g} at step {}", before, value, step());
  return Applied{before, value};
}

CommandOutcome Training::set_weight_decay(double value) {
  const double before = learner_.weight_decay();
  learner_.set_weight_decay(value);
  say("applied weight_decay {:g} -> {:g} at step {}", before, value, step());
  return Applied{before, value};
}

CommandOutcome Training::save_checkpoint_now() {
  bus_.expect_next_step_within(kSavingTime);
  try {
    save_checkpoint(checkpoint_file_, checkpoint());
  } catch (const std::runtime_error& error) {
    say("rejected save_checkpoint at step {}: {}", step(), error.what());
    return Rejected{error.what()};
  }
  say("applied save_checkpoint at step {}: {}", step(), checkpoint_file_);
  return Applied{short_path(checkpoint_file_)};
}

CommandOutcome Training::validate_now() {
  const auto validation = validate();
  if (stop_requested()) return Rejected{fmt::format("{} ended it", stop_signal())};
  log_validation(validation);
  const auto& averages = validation.averages();
  const auto result = fmt::format("loss {:.4f} accuracy {:.4f}", averages.loss, averages.accuracy);
  say("applied validate at step {}: {}", step(), result);
  return Applied{result};
}

// Of a file that a hand may have written: no broker has checked the value.
CommandOutcome Training::set_knob(const ScheduledEdit& edit) {
  if (edit.knob == "save_checkpoint") return save_checkpoint_now();
  if (edit.knob == "validate") return validate_now();
  const double value = edit.value();
  const auto from_to = [&](double least, double most) { return value >= least && value <= most; };
  if (edit.knob == kLearningRateKnob && value > 0 && std::isfinite(value)) return set_learning_rate(value);
  if (edit.knob == kBatchSizeKnob && from_to(1, kMaxBatchSize) && value == std::floor(value))
    return set_batch_size(value);
  if (edit.knob == "weight_decay" && from_to(0, kMostWeightDecay)) return set_weight_decay(value);
  if (edit.knob == "momentum" && from_to(0, kMostMomentum)) return set_momentum(value);
  return Rejected{fmt::format("there is no knob '{}' that takes '{}'", edit.knob, edit.new_value)};
}

bool Training::replay_edits() {
  for (; edits_left() > 0 && edits_[edits_done_].step <= step() - first_step_; ++edits_done_) {
    const auto& edit = edits_[edits_done_];
    CommandOutcome outcome;
    switch (edit.type) {
      case v1::CHANGE_LEARNING_RATE: outcome = set_learning_rate(edit.value()); break;
      case v1::ADJUST_BATCH_SIZE: outcome = set_batch_size(edit.value()); break;
      case v1::SET_KNOB: outcome = set_knob(edit); break;
      case v1::STOP_TRAINING: ++edits_done_; return false;
      default: continue;
    }
    if (const auto* rejected = std::get_if<Rejected>(&outcome))
      say("rejected {} of the schedule at step {}: {}", command_verb(edit.type), step(), rejected->reason);
  }
  return true;
}

void Training::say_change(const std::string& change) {
  say("{}", change);
  bus_.change_plan(plan(), change);
}

}  // namespace trainbus
