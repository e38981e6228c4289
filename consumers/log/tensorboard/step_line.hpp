#pragma once
// The one line of steps that all lives of a trainer share. A trainer counts its steps from 1 in each life, also when it
// goes on from a checkpoint; TensorBoard wants steps that go on.

#include <cstdint>
#include <map>
#include <optional>

#include "trainbus.pb.h"

namespace trainbus::tensorboard {

// Single-threaded.
class StepLine {
 public:
  struct Life {
    std::int64_t batches_per_epoch = 0;  // as the trainer said; 0: not known
    std::optional<std::int64_t> offset;  // step on the line = this + the trainer's step; empty: not known yet
    std::int64_t first = 0;              // the life's first step on the line
    std::int64_t last = 0;               // its highest
  };

  Life& life(std::uint64_t incarnation) { return lives_[incarnation]; }

  // The first record of a life that says where it is: epochs and batches done before it give the offset, by the
  // trainer's own batches_per_epoch. Where that is not known, the life goes on after the one before it.
  void begin_with(std::uint64_t incarnation, const v1::BatchData& batch, std::int64_t step);
  void begin_with(std::uint64_t incarnation, const v1::EpochData& epoch, std::int64_t step);
  // A life that says only its step.
  void begin_at(std::uint64_t incarnation, std::int64_t step);
  // As it was found in a file.
  void begin_as(std::uint64_t incarnation, std::int64_t offset, std::int64_t first);

  void reach(std::uint64_t incarnation, std::int64_t step);

  // Whether a later life of the trainer has begun at or before this step.
  bool superseded(std::uint64_t incarnation, std::int64_t step) const;

 private:
  void begin(std::uint64_t incarnation, std::int64_t step, std::optional<std::int64_t> position);

  std::map<std::uint64_t, Life> lives_;
};

}  // namespace trainbus::tensorboard
