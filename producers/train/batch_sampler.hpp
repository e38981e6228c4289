#pragma once
// Which samples make up the next batch: every one once per epoch, in an order of its own each epoch.

#include <cstdint>
#include <span>
#include <vector>

namespace trainbus {

class BatchSampler {
 public:
  BatchSampler(std::vector<std::uint32_t> indices, std::size_t batch_size, std::uint64_t seed);

  // Shuffles by (seed, epoch) and starts over, behind the first `taken` samples of that order.
  void begin_epoch(int epoch, std::size_t taken = 0);
  // The next batch; the last one of an epoch may be smaller, an empty one ends it. Valid until the next begin_epoch.
  std::span<const std::uint32_t> next();

  // From the next batch on, for the samples that this epoch still has and for later epochs. 1..samples().
  void set_batch_size(std::size_t batch_size) { batch_size_ = batch_size; }
  std::size_t batch_size() const { return batch_size_; }
  std::size_t samples() const { return indices_.size(); }
  std::size_t samples_taken() const { return taken_; }  // of this epoch
  // Of this epoch, at the present batch size.
  std::size_t batches_left() const { return (indices_.size() - taken_ + batch_size_ - 1) / batch_size_; }

 private:
  std::vector<std::uint32_t> indices_;
  std::size_t batch_size_;
  std::uint64_t seed_;
  std::size_t taken_ = 0;
};

}  // namespace trainbus
