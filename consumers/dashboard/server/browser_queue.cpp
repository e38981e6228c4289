#include "browser_queue.hpp"

#include <algorithm>

#include "client_message.hpp"

namespace trainbus {

bool BrowserQueue::keep(Outgoing message) {
  const std::size_t bytes = message.bytes->size();
  if (!kept_.empty() && bytes_ + bytes > max_bytes_) return false;
  bytes_ += bytes;
  kept_.push_back(std::move(message));
  return true;
}

void BrowserQueue::start_tiles(int credit, double max_rate_hz) {
  stop_tiles();
  credit_ = credit;
  tile_interval_ = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / max_rate_hz));
}

void BrowserQueue::stop_tiles() {
  tiles_.reset();
  credit_ = 0;
  tiles_due_ = {};
}

void BrowserQueue::grant(int credit) { credit_ = std::min(credit_ + credit, kMaxTileCredit); }

bool BrowserQueue::offer_tiles(std::shared_ptr<TilePicture> picture, Clock::time_point now) {
  if (now + tile_interval_ / 4 < tiles_due_) return false;  // a quarter of slack: equal rates must not beat
  tiles_due_ = std::max(tiles_due_ + tile_interval_, now);
  return std::exchange(tiles_, std::move(picture)) != nullptr;
}

std::optional<Outgoing> BrowserQueue::next() {
  if (!kept_.empty()) {
    Outgoing message = std::move(kept_.front());
    kept_.pop_front();
    bytes_ -= message.bytes->size();
    return message;
  }
  if (bus_) return std::exchange(bus_, std::nullopt);
  if (list_) return std::exchange(list_, std::nullopt);
  if (tiles_ && credit_ > 0) {
    --credit_;
    return Outgoing{std::exchange(tiles_, nullptr)->bytes(), true};
  }
  return std::nullopt;
}

void BrowserQueue::clear() {
  kept_.clear();
  bytes_ = 0;
  bus_.reset();
  list_.reset();
  stop_tiles();
}

}  // namespace trainbus
