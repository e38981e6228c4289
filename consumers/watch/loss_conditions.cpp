// not_finite, loss_spike, plateau, accuracy_collapse.

#include <cmath>
#include <numeric>
#include <utility>

#include "judges.hpp"
#include "text_forms.hpp"

namespace trainbus {
namespace {

std::string factor_text(double value, double reference) { return number_text(value / reference) + " x "; }

}  // namespace

void NotFiniteJudge::take(const v1::MetricsRequest& record) {
  if (record.has_batch_data()) {
    if (std::isfinite(record.batch_data().batch_loss())) return;
    bad_in_epoch_ = true;
    note(record.batch_data().step(), record.batch_data().batch_loss());
  } else if (record.has_epoch_data()) {
    const auto& epoch = record.epoch_data();
    if (!std::exchange(bad_in_epoch_, false) && !std::isfinite(epoch.average_loss()))
      note(epoch.step(), epoch.average_loss());
  }
}

void NotFiniteJudge::note(std::uint64_t step, double loss) {
  if (!first_bad_) first_bad_ = BadLoss{step, loss};
}

Finding NotFiniteJudge::judge(const Sight& sight, bool) const {
  const auto& figures = sight.view.figures();
  const bool newest_is_bad = figures.loss_known && !std::isfinite(figures.loss);
  if (!first_bad_ && !newest_is_bad) return {Finding::kClear, "the loss is finite"};
  const auto bad = first_bad_ ? *first_bad_ : BadLoss{figures.step, figures.loss};
  return {Finding::kHolds, "the loss is " + number_text(bad.loss) + " at step " + std::to_string(bad.step), bad.loss,
          bad.step};
}

LossSpikeJudge::LossSpikeJudge(const Condition& condition)
    : limit_(condition.limit), until_(condition.until), median_(static_cast<std::size_t>(condition.over)) {}

void LossSpikeJudge::take(const v1::MetricsRequest& record) {
  if (!record.has_batch_data()) return;
  const double loss = record.batch_data().batch_loss();
  if (!std::isfinite(loss)) return;  // not_finite
  if (median_.known()) {
    newest_ = Loss{record.batch_data().step(), loss, median_.median()};
    if (!peak_ && newest_->above(limit_)) peak_ = newest_;
  }
  median_.take(loss);
}

Finding LossSpikeJudge::judge(const Sight&, bool open) const {
  if (!newest_) return {Finding::kUnknown};
  if (peak_) return finding(Finding::kHolds, *peak_);
  return finding(newest_->above(open ? until_ : limit_) ? Finding::kHolds : Finding::kClear, *newest_);
}

Finding LossSpikeJudge::finding(Finding::Answer answer, const Loss& loss) {
  return {answer,
          "the loss is " + number_text(loss.loss) + " at step " + std::to_string(loss.step) + ", " +
              factor_text(loss.loss, loss.median) + "the median " + number_text(loss.median),
          loss.loss, loss.step};
}

void PlateauJudge::take(const v1::MetricsRequest& record) {
  if (!condition_.over_batches) {
    if (!record.has_epoch_data()) return;
    const auto& epoch = record.epoch_data();
    if (epoch.epoch() <= last_epoch_ || (condition_.of_second && !epoch.has_validation_loss())) return;
    last_epoch_ = epoch.epoch();
    take_value(condition_.of_second ? epoch.validation_loss() : epoch.average_loss(), epoch.step());
  } else if (record.has_batch_data() && std::isfinite(record.batch_data().batch_loss())) {
    sum_ += record.batch_data().batch_loss();
    if (++in_block_ < condition_.over) return;
    take_value(std::exchange(sum_, 0) / std::exchange(in_block_, 0), record.batch_data().step());
  }
}

void PlateauJudge::take_value(double value, std::uint64_t step) {
  if (!std::isfinite(value)) return;
  newest_ = value;
  if (best_ && value >= *best_ - std::abs(*best_) * condition_.improvement) {
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
  return {answer,
          "the loss is " + number_text(newest_) + ", the best was " + number_text(*best_) + " at step " +
              std::to_string(best_step_) + ", " + std::to_string(since) +
              (condition_.over_batches ? " batches ago" : " epochs ago"),
          newest_, best_step_};
}

void AccuracyCollapseJudge::take(const v1::MetricsRequest& record) {
  if (!record.has_batch_data() || !std::isfinite(record.batch_data().batch_accuracy())) return;
  step_ = record.batch_data().step();
  window_.push_back(record.batch_data().batch_accuracy());
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

Finding AccuracyCollapseJudge::judge(const Sight&, bool open) const {
  if (!full()) return {Finding::kUnknown};
  const auto answer = mean_ < (open ? condition_.until : condition_.limit) * best_ ? Finding::kHolds : Finding::kClear;
  return {answer,
          "the mean accuracy of " + std::to_string(condition_.over) + " batches is " + number_text(mean_) +
              " at step " + std::to_string(step_) + ", the best was " + number_text(best_),
          mean_, step_};
}

}  // namespace trainbus
