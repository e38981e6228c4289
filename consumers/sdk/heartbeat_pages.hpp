#pragma once
// Heartbeats without the live feed: the newest of each trainer, from the broker's list, a page at a time.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "trainbus.pb.h"

namespace trainbus {

// Single-threaded, never blocks. Owns a DEALER. Times are steady milliseconds. Memory: a heartbeat a trainer.
class HeartbeatPages {
 public:
  static constexpr std::int64_t kEveryMs = 2'000;         // a round over all pages
  static constexpr std::int64_t kAskAgainMs = 2'000;      // a page that was not answered
  static constexpr std::int64_t kFreshMs = 2 * kEveryMs;  // an older heartbeat is no sign of life

  HeartbeatPages(zmq::context_t& context, const std::string& broker, std::string run, std::string trainer);

  void turn(std::int64_t now_ms);
  // A heartbeat that is fresh and was not handed out before, as its trainer sent it.
  std::optional<std::string> next();

 private:
  void ask(std::int64_t now_ms);
  void take(const v1::TrainerList& page);

  zmq::socket_t dealer_;
  v1::ListRequest request_;
  std::uint64_t request_id_ = 0;  // of the page asked for
  bool waiting_ = false;
  std::int64_t ask_at_ms_ = 0;
  std::map<std::string, std::string> handed_out_;  // by session
  std::vector<std::string> ready_;
};

}  // namespace trainbus
