#pragma once
// The median of the last N values.

#include <algorithm>
#include <cstddef>
#include <deque>
#include <vector>

namespace trainbus {

// take() costs a search and a move of at most N doubles. Only finite values may be taken.
class RunningMedian {
 public:
  explicit RunningMedian(std::size_t window) : window_(window) {}

  void take(double value) {
    if (newest_last_.size() == window_) {
      sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), newest_last_.front()));
      newest_last_.pop_front();
    }
    newest_last_.push_back(value);
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), value), value);
  }
  std::size_t count() const { return sorted_.size(); }
  // A quarter of the window is enough to say something.
  bool known() const { return !sorted_.empty() && 4 * sorted_.size() >= window_; }
  // Of an even count the lower one. Needs count() > 0.
  double median() const { return sorted_[(sorted_.size() - 1) / 2]; }

 private:
  std::size_t window_;
  std::deque<double> newest_last_;
  std::vector<double> sorted_;
};

}  // namespace trainbus
