#pragma once
// The newest tiles of the trainers somebody watches. Live data: the newest wins, the rest is counted.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "trainbus/endpoints.hpp"
#include "trainbus/topic.hpp"

namespace zmq {
class context_t;
}

namespace trainbus {

struct TileFrame {
  Topic topic;
  std::shared_ptr<const std::string> bytes;  // a serialized MetricsRequest with BatchData, checked
  std::int64_t received_unix_ms = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
};

// received = taken + replaced + waiting in a slot.
struct TileCounters {
  std::uint64_t received = 0;
  std::uint64_t taken = 0;
  std::uint64_t replaced = 0;                     // a newer one took the slot, or nobody watched it any more
  std::uint64_t lost_on_link = 0;                 // gaps in the sequence
  std::map<std::string, std::uint64_t> rejected;  // not received, by wire error
};

// Owns a thread that drains a SUB socket into one slot per trainer, and a DEALER on which it states the demand. A
// newer batch replaces one that nobody took. Every function may be called from any thread.
class TileFeed {
 public:
  // Throws std::invalid_argument on a bad address. Connects in the background.
  explicit TileFeed(std::string broker = default_broker(), zmq::context_t* context = nullptr);
  ~TileFeed();
  TileFeed(const TileFeed&) = delete;
  TileFeed& operator=(const TileFeed&) = delete;

  // Watching subscribes, which switches the trainer's tiles on, and states the demand (a lease, renewed by the feed
  // until unwatch()): batches with tiles per second and the longer side of a tile at most; 0: no limit stated. Watching
  // again changes the demand.
  void watch(const SessionName& session, double max_rate_hz = 0, int max_pixels = 0);
  void unwatch(const SessionName& session);

  // `callback` is called in the feed's thread when a slot was filled, once until the next take(); it must not block.
  // To be set before the first watch().
  void on_ready(std::function<void()> callback);

  // All filled slots: the newest frame of each trainer. Empties them.
  std::vector<TileFrame> take();
  TileCounters counters() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
