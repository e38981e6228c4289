#pragma once
// Where each incarnation of a trainer stands on the line that all of them share: a StepLine for the steps; epochs carry
// their own numbers on.
//
// Single-threaded. Bounded: of more than kMaxIncarnations the oldest is given up (full, forget_oldest).

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "curve.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/step_line.hpp"

namespace trainbus {

class Placement {
 public:
  static constexpr std::size_t kMaxIncarnations = 64;

  struct Placed {
    double own_step = 0;  // as its incarnation counts
    bool moved = false;   // points that were given out are elsewhere now, or superseded
    bool told_apart = true;
  };
  // Takes one kept record of the trainer; `order` of its incarnation (v1::Incarnation), 0: not known.
  Placed take(const v1::MetricsRequest& message, std::int64_t order);

  // Oldest first, of all incarnations that are told apart.
  std::span<const Place> places(Axis axis) const { return axis == Axis::kStep ? steps_ : epochs_; }
  // The place of one; nullptr when it is not told apart.
  const Place* find(Axis axis, std::uint64_t incarnation) const;

  // There is one too many: the oldest is to be forgotten.
  bool full() const { return steps_.size() > kMaxIncarnations; }
  void forget_oldest();
  std::size_t forgotten() const { return forgotten_; }

 private:
  struct Known {
    double supersedes_after = kNoBound;  // on the line; without a bound: has not begun
    double first_epoch = kNoBound;
    std::int64_t order = 0;
  };
  void lay_out();
  void hear(std::uint64_t incarnation, std::int64_t order);

  StepLine line_;
  std::map<std::uint64_t, Known> known_;
  std::vector<Place> steps_;
  std::vector<Place> epochs_;
  std::size_t forgotten_ = 0;
};

}  // namespace trainbus
