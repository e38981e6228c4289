#include "batch_sampler.hpp"

#include <algorithm>

#include "random.hpp"

namespace trainbus {

BatchSampler::BatchSampler(std::vector<std::uint32_t> indices, std::size_t batch_size, std::uint64_t seed)
    : indices_(std::move(indices)), batch_size_(batch_size), seed_(seed) {}

void BatchSampler::begin_epoch(int epoch, std::size_t taken) {
  std::ranges::sort(indices_);  // the order depends on the epoch's number only, not on the epochs before it
  Random(seed_, static_cast<std::uint64_t>(epoch)).shuffle(indices_);
  taken_ = std::min(taken, indices_.size());
}

std::span<const std::uint32_t> BatchSampler::next() {
  const auto count = std::min(batch_size_, indices_.size() - taken_);
  const auto batch = std::span<const std::uint32_t>(indices_).subspan(taken_, count);
  taken_ += count;
  return batch;
}

}  // namespace trainbus
