#pragma once
// A batch record without predictions, written without the schema's classes: the training thread meets it after each
// batch with cold caches, where every line of code and data that is touched costs.

#include <array>
#include <cstdint>
#include <string_view>

#include "logged_record.hpp"

namespace trainbus {

// The bytes are those that the schema's BatchData would give. Not thread-safe.
class PlainBatch {
 public:
  // Whether it says nothing but numbers.
  static bool holds(const BatchMetrics& batch) { return batch.predictions.empty() && batch.ground_truth.empty(); }

  void set(const BatchMetrics& batch, std::int64_t timestamp_ms, std::uint64_t step);
  // Of all but the named values, which follow.
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), size_}; }

 private:
  // Five varints of at most 11 bytes with their tags, three doubles of at most 10.
  std::array<std::uint8_t, 5 * 12 + 3 * 10> bytes_;
  std::size_t size_ = 0;
};

}  // namespace trainbus
