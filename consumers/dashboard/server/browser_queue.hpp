#pragma once
// What one browser is still to be sent: kept messages in order and bounded, the state of the bus (latest wins), one
// list, one batch of tiles (latest wins, sent only on credit and not faster than asked).
//
// Pure: no sockets, `now` is an argument. Single-threaded. Messages are shared between browsers.

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "tile_picture.hpp"

namespace trainbus {

struct Outgoing {
  std::shared_ptr<const std::string> bytes;
  bool binary = false;
  bool compress = false;  // it is worth it: where the browser understands it
};

class BrowserQueue {
 public:
  using Clock = std::chrono::steady_clock;

  explicit BrowserQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // False when it is full: this browser reads too slowly and must go. One message always fits.
  bool keep(Outgoing message);
  void show_bus(Outgoing bus) { bus_ = std::move(bus); }
  // Only when none waits: what is in a list is not in the next one.
  void show_list(Outgoing list) { list_ = std::move(list); }
  bool list_waits() const { return list_.has_value(); }

  // Starts the tiles afresh: nothing waits, `credit` messages may go.
  void start_tiles(int credit, double max_rate_hz);
  void stop_tiles();
  void grant(int credit);
  // True when it replaced one that waits for credit.
  bool offer_tiles(std::shared_ptr<TilePicture> picture, Clock::time_point now);

  // What to send now, kept messages first; empty when nothing may go.
  std::optional<Outgoing> next();
  // Forgets everything that waits.
  void clear();

  std::size_t queued_bytes() const { return bytes_; }

 private:
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::deque<Outgoing> kept_;
  std::optional<Outgoing> bus_;
  std::optional<Outgoing> list_;

  std::shared_ptr<TilePicture> tiles_;
  int credit_ = 0;
  Clock::duration tile_interval_{};
  Clock::time_point tiles_due_{};
};

}  // namespace trainbus
