// not_finite, loss_spike, plateau, accuracy_collapse, threshold: of values that records say.

#include <cmath>
#include <numeric>
#include <utility>

#include "judges.hpp"
#include "record_values.hpp"
#include "text_forms.hpp"

namespace trainbus {
namespace {

std::string factor_text(double value, double reference) { return figure_text(value / reference) + " x "; }

// "the loss", "the accuracy"; another value is called by its name.
std::string called(const std::string& name) {
  if (name == "loss" || name == "epoch_loss") return "the loss";
  if (name == "accuracy") return "the accuracy";
  return printable(name);
}

std::string is_at(const std::string& name, const RecordValue& value) {
  return called(name) + " is " + figure_text(value.value) + " at step " + std::to_string(value.step);
}

// Two values may go bad at one step, one after the other: these are two incidents. FNV-1a, the same on every machine.
std::uint64_t start_of(const std::string& name, std::uint64_t step) {
  if (called(name) == "the loss") return step;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ step;
}

}  // namespace

void NotFiniteJudge::take(const v1::MetricsRequest& record) {
  if (!of_.empty()) {
    if (const auto value = value_in(record, of_)) note(of_, *value);
    return;
  }
  for_each_value(record, [&](const std::string& name, const RecordValue& value) { note(name, value); });
  if (record.has_batch_data() && record.batch_data().has_batch_loss())
    bad_in_epoch_ = bad_in_epoch_ || !std::isfinite(record.batch_data().batch_loss());
  else if (record.has_epoch_data() && !std::exchange(bad_in_epoch_, false))
    if (const auto value = value_in(record, "epoch_loss")) note("epoch_loss", *value);
}

void NotFiniteJudge::note(const std::string& name, const RecordValue& value) {
  if (!std::isfinite(value.value) && !first_bad_) first_bad_ = {name, value};
}

// What was said last is still so, also for a watcher that has just been started.
std::optional<NotFiniteJudge::Bad> NotFiniteJudge::newest_bad(const TrainerFigures& figures) const {
  const auto bad = [&](const std::string& name, const std::optional<double>& value) {
    const bool wanted = of_.empty() || of_ == name;
    return wanted && value && !std::isfinite(*value) ? std::optional(Bad{name, {figures.step, *value}}) : std::nullopt;
  };
  const std::pair<const char*, const std::optional<double>&> kFigures[] = {
      {"loss", figures.loss},
      {"validation_loss", figures.validation_loss},
      {"accuracy", figures.accuracy},
      {"validation_accuracy", figures.validation_accuracy},
      {"learning_rate", figures.learning_rate}};
  for (const auto& [name, value] : kFigures)
    if (auto found = bad(name, value)) return found;
  if (!figures.loss || of_ == "epoch_loss")
    if (auto found = bad("epoch_loss", figures.epoch_loss)) return found;
  for (const auto& [name, value] : figures.scalars)
    if (auto found = bad(name, value)) return found;
  return std::nullopt;
}

Finding NotFiniteJudge::judge(const Sight& sight, bool) const {
  const auto bad = first_bad_ ? first_bad_ : newest_bad(sight.view.figures());
  if (!bad) return {Finding::kClear, of_.empty() ? "every value is finite" : called(of_) + " is finite"};
  return {Finding::kHolds, is_at(bad->name, bad->value), bad->value.value, start_of(bad->name, bad->value.step)};
}

SpikeJudge::SpikeJudge(const Condition& condition)
    : of_(condition.of.empty() ? "loss" : condition.of),
      limit_(condition.limit),
      until_(condition.until),
      median_(static_cast<std::size_t>(condition.over)) {}

void SpikeJudge::take(const v1::MetricsRequest& record) {
  const auto said = value_in(record, of_);
  if (!said || !std::isfinite(said->value)) return;  // not_finite
  if (median_.known()) {
    newest_ = Value{said->step, said->value, median_.median()};
    if (!peak_ && newest_->above(limit_)) peak_ = newest_;
  }
  median_.take(said->value);
}

Finding SpikeJudge::judge(const Sight&, bool open) const {
  if (!newest_) return {Finding::kUnknown};
  if (peak_) return finding(Finding::kHolds, *peak_);
  return finding(newest_->above(open ? until_ : limit_) ? Finding::kHolds : Finding::kClear, *newest_);
}

Finding SpikeJudge::finding(Finding::Answer answer, const Value& value) const {
  return {answer,
          is_at(of_, {value.step, value.value}) + ", " + factor_text(value.value, value.median) + "the median " +
              figure_text(value.median),
          value.value, value.step};
}

PlateauJudge::PlateauJudge(const Condition& condition) : condition_(condition) {
  if (condition_.of.empty() || condition_.of == "loss") condition_.of = condition_.over_batches ? "loss" : "epoch_loss";
}

void PlateauJudge::take(const v1::MetricsRequest& record) {
  const auto said = value_in(record, condition_.of);
  if (!said) return;
  if (record.has_epoch_data()) {
    if (record.epoch_data().epoch() <= last_epoch_) return;
    last_epoch_ = record.epoch_data().epoch();
  }
  if (!condition_.over_batches) return take_value(said->value, said->step);
  if (!std::isfinite(said->value)) return;
  sum_ += said->value;
  if (++in_block_ < condition_.over) return;
  take_value(std::exchange(sum_, 0) / std::exchange(in_block_, 0), said->step);
}

void PlateauJudge::take_value(double value, std::uint64_t step) {
  if (!std::isfinite(value)) return;
  newest_ = value;
  const double better = best_ ? (condition_.higher_is_better ? value - *best_ : *best_ - value) : 0;
  if (best_ && better <= std::abs(*best_) * condition_.improvement) {
    ++since_best_;
    return;
  }
  best_ = value;
  best_step_ = step;
  since_best_ = 0;
}

Finding PlateauJudge::judge(const Sight&, bool) const {
  if (!best_) return {Finding::kUnknown};
  const auto answer = since_best_ >= patience() ? Finding::kHolds : Finding::kClear;
  const int since = condition_.over_batches ? since_best_ * condition_.over : since_best_;
  const char* unit = condition_.over_batches ? " batches ago" : condition_.over_values ? " values ago" : " epochs ago";
  return {answer,
          called(condition_.of) + " is " + figure_text(newest_) + ", the best was " + figure_text(*best_) +
              " at step " + std::to_string(best_step_) + ", " + std::to_string(since) + unit,
          newest_, best_step_};
}

CollapseJudge::CollapseJudge(const Condition& condition) : condition_(condition) {
  if (condition_.of.empty()) condition_.of = "accuracy";
}

void CollapseJudge::take(const v1::MetricsRequest& record) {
  const auto said = value_in(record, condition_.of);
  if (!said || !std::isfinite(said->value)) return;
  step_ = said->step;
  window_.push_back(said->value);
  sum_ += window_.back();
  if (static_cast<int>(window_.size()) > condition_.over) {
    sum_ -= window_.front();
    window_.pop_front();
  }
  if (++since_exact_ >= condition_.over) {  // a running sum drifts
    sum_ = std::accumulate(window_.begin(), window_.end(), 0.0);
    since_exact_ = 0;
  }
  if (!full()) return;
  mean_ = sum_ / condition_.over;
  best_ = std::max(best_, mean_);
}

Finding CollapseJudge::judge(const Sight&, bool open) const {
  if (!full()) return {Finding::kUnknown};
  const auto answer = mean_ < (open ? condition_.until : condition_.limit) * best_ ? Finding::kHolds : Finding::kClear;
  const bool of_accuracy = condition_.of == "accuracy";
  return {answer,
          "the mean " + (of_accuracy ? "accuracy" : printable(condition_.of)) + " of " +
              std::to_string(condition_.over) + (of_accuracy ? " batches is " : " values is ") + figure_text(mean_) +
              " at step " + std::to_string(step_) + ", the best was " + figure_text(best_),
          mean_, step_};
}

bool ThresholdJudge::beyond(double value, double limit) const {
  return condition_.below ? value < limit : value > limit;
}

void ThresholdJudge::take(const v1::MetricsRequest& record) {
  const auto said = value_in(record, condition_.of);
  if (!said || std::isnan(said->value)) return;  // not_finite
  newest_ = said;
  if (!first_beyond_ && beyond(said->value, condition_.limit)) first_beyond_ = said;
}

Finding ThresholdJudge::judge(const Sight&, bool open) const {
  if (!newest_) return {Finding::kUnknown};
  const bool holds = first_beyond_ || beyond(newest_->value, open ? condition_.until : condition_.limit);
  const auto& shown = first_beyond_ ? *first_beyond_ : *newest_;
  return {holds ? Finding::kHolds : Finding::kClear, is_at(condition_.of, shown), shown.value, shown.step};
}

}  // namespace trainbus
