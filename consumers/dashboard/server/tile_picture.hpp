#pragma once
// One batch of tiles on its way to browsers: joined into a strip when the first one takes it, then shared by all.
// Single-threaded.

#include <memory>
#include <string>

namespace trainbus {

class TilePicture {
 public:
  // `message`: a serialized MetricsRequest with BatchData, as it came from the bus.
  explicit TilePicture(std::shared_ptr<const std::string> message) : message_(std::move(message)) {}

  // The message with its images joined where they can be, else as it came.
  const std::shared_ptr<const std::string>& bytes();

 private:
  std::shared_ptr<const std::string> message_;
  bool joined_ = false;
};

}  // namespace trainbus
