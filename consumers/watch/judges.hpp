#pragma once
// One judge for each condition; what each holds on is in README.md.

#include <deque>
#include <limits>
#include <optional>
#include <string>

#include "condition.hpp"
#include "record_values.hpp"
#include "running_median.hpp"

namespace trainbus {

// ---- state_conditions.cpp: of the trainer's state

class DeadJudge final : public Judge {
 public:
  Finding judge(const Sight& sight, bool open) const override;
};

class StalledJudge final : public Judge {
 public:
  Finding judge(const Sight& sight, bool open) const override;
};

class FinishedJudge final : public Judge {
 public:
  // `status` UNKNOWN: however it finished.
  explicit FinishedJudge(v1::TrainingStatus status) : status_(status) {}
  Finding judge(const Sight& sight, bool open) const override;

 private:
  v1::TrainingStatus status_;
};

class ConvergedJudge final : public Judge {
 public:
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;

 private:
  std::optional<v1::EpochData> converged_;
};

// ---- value_conditions.cpp: of values of batches, epochs and scalars records

// Remembers the first bad value between two looks; of the value `of`, or of every one. An epoch's average loss counts
// only when no bad batch of that epoch was seen: it repeats what that one said.
class NotFiniteJudge final : public Judge {
 public:
  explicit NotFiniteJudge(std::string of = {}) : of_(std::move(of)) {}
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;
  void looked() override { first_bad_.reset(); }

 private:
  struct Bad {
    std::string name;
    RecordValue value;
  };
  void note(const std::string& name, const RecordValue& value);
  std::optional<Bad> newest_bad(const TrainerFigures& figures) const;

  std::string of_;
  bool bad_in_epoch_ = false;
  std::optional<Bad> first_bad_;
};

class SpikeJudge final : public Judge {
 public:
  explicit SpikeJudge(const Condition& condition);
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;
  void looked() override { peak_.reset(); }

 private:
  struct Value {
    std::uint64_t step = 0;
    double value = 0;
    double median = 0;  // of those before it
    bool above(double factor) const { return value > factor * median; }
  };
  Finding finding(Finding::Answer answer, const Value& value) const;

  std::string of_;
  double limit_, until_;
  RunningMedian median_;
  std::optional<Value> newest_;  // none: the median was not known
  std::optional<Value> peak_;    // the first above the limit since the last look
};

// Of epochs and of single values: counts those since the value was last better than the best one before by the
// improvement; an epoch that was had already is left out. Of batches: the same on means of `over` values, where one
// mean that is no better is enough.
class PlateauJudge final : public Judge {
 public:
  explicit PlateauJudge(const Condition& condition);
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;

 private:
  void take_value(double value, std::uint64_t step);
  int patience() const { return condition_.over_batches ? 1 : condition_.over; }

  Condition condition_;
  double sum_ = 0;  // of the values in the block that is being filled
  int in_block_ = 0;
  int last_epoch_ = -1;
  std::optional<double> best_;
  double newest_ = 0;
  int since_best_ = 0;
  std::uint64_t best_step_ = 0;
};

class CollapseJudge final : public Judge {
 public:
  explicit CollapseJudge(const Condition& condition);
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;

 private:
  bool full() const { return static_cast<int>(window_.size()) == condition_.over; }

  Condition condition_;
  std::deque<double> window_;
  double sum_ = 0;
  int since_exact_ = 0;  // records since the sum was taken anew
  double mean_ = 0;
  double best_ = -std::numeric_limits<double>::infinity();  // of the means of full windows
  std::uint64_t step_ = 0;
};

// Remembers the first value beyond the limit between two looks.
class ThresholdJudge final : public Judge {
 public:
  explicit ThresholdJudge(const Condition& condition) : condition_(condition) {}
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;
  void looked() override { first_beyond_.reset(); }

 private:
  bool beyond(double value, double limit) const;

  Condition condition_;
  std::optional<RecordValue> newest_;
  std::optional<RecordValue> first_beyond_;
};

// ---- rate_conditions.cpp: of perf records

class ThroughputDropJudge final : public Judge {
 public:
  explicit ThroughputDropJudge(const Condition& condition);
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;

 private:
  struct Rate {
    std::uint64_t step;
    double fps;
    double median;
  };
  Condition condition_;
  RunningMedian median_;
  std::optional<Rate> newest_;
};

// Least squares over at most kPoints points, each the mean of an equal part of the window.
class MemoryGradientJudge final : public Judge {
 public:
  static constexpr int kPoints = 60;
  explicit MemoryGradientJudge(const Condition& condition) : condition_(condition) {}
  void take(const v1::MetricsRequest& record) override;
  Finding judge(const Sight& sight, bool open) const override;

 private:
  struct Point {
    std::int64_t slot = 0;  // time / (window / kPoints)
    double sum_ms = 0;      // of times since the first record
    double sum_mb = 0;
    int count = 0;
  };
  double mb_per_minute() const;

  Condition condition_;
  std::int64_t first_ms_ = 0;
  std::uint64_t step_ = 0;
  std::deque<Point> points_;
};

}  // namespace trainbus
