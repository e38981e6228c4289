#include "media_queue.hpp"

#include <utility>

namespace trainbus {
namespace {

std::size_t bytes_of(const WaitingMedia& waiting) {
  std::size_t bytes = sizeof waiting + waiting.media.ByteSizeLong();
  for (const Picture& picture : waiting.pictures)
    bytes += picture.pixels.size();
  return bytes;
}

}  // namespace

std::string MediaQueue::offer(WaitingMedia media) {
  media.bytes = bytes_of(media);
  const std::lock_guard lock(mutex_);
  if (closed_) return "it came after close()";
  if (bytes_ + media.bytes > kMaxBytes)
    return std::to_string(media.bytes >> 10) + " KiB do not fit beside the " + std::to_string(bytes_ >> 10) +
           " KiB that wait to be encoded, " + std::to_string(kMaxBytes >> 10) + " at most";
  bytes_ += media.bytes;
  waiting_.push_back(std::move(media));
  return {};
}

void MediaQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

std::optional<WaitingMedia> MediaQueue::take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  std::optional<WaitingMedia> next(std::move(waiting_.front()));
  waiting_.pop_front();
  encoding_bytes_ = next->bytes;
  return next;
}

void MediaQueue::finished() {
  const std::lock_guard lock(mutex_);
  bytes_ -= std::exchange(encoding_bytes_, 0);
}

void MediaQueue::refuse(std::string problem) {
  const std::lock_guard lock(mutex_);
  ++refused_.count;
  refused_.problem = std::move(problem);
}

bool MediaQueue::idle() const {
  const std::lock_guard lock(mutex_);
  return bytes_ == 0;
}

MediaQueue::Refused MediaQueue::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

}  // namespace trainbus
