#pragma once
// What the broker publishes, and whether it is all of it.
//
// A subscription that the broker does not have looks like a bus on which nobody speaks. So a fence is subscribed to
// behind the rest: its message comes back once everything before it is in force, after every reconnect as well. After a
// long silence the fence is asked for again; when it does not come although the broker answers questions, the feed is
// made anew.

#include <cstdint>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "trainbus/topic.hpp"

namespace trainbus {

// Owns a SUB socket. Single-threaded; times are steady milliseconds.
class LiveFeed {
 public:
  struct Wanted {
    std::string broker;
    std::vector<Kind> kinds;  // and heartbeats
    std::string run, trainer;
  };
  enum class Came : std::uint8_t { kNothing, kMessage, kFence };

  LiveFeed(zmq::context_t& context, Wanted wanted);

  // The fence came back since the last doubt.
  bool joined() const { return joined_; }
  std::int64_t heard_ms() const { return heard_ms_; }  // 0: never
  zmq::socket_t& socket() { return sub_; }

  // Doubts a long silence; `answers`: the broker is connected on the control port. To be called often: subscriptions
  // are sent again only while somebody looks at the socket.
  void turn(bool answers, std::int64_t now_ms);
  // What waits is no longer trusted: the broker stops.
  void renew_fence(std::int64_t now_ms);
  // Takes one message. kFence: everything subscribed to is in force.
  Came receive(std::vector<zmq::message_t>& frames, std::int64_t now_ms);

 private:
  void subscribe(std::int64_t now_ms);

  zmq::context_t& context_;
  const Wanted wanted_;
  zmq::socket_t sub_;
  std::string fence_;
  bool joined_ = false;
  std::int64_t fence_asked_ms_ = 0;
  std::int64_t heard_ms_ = 0;
  std::int64_t trusted_ms_ = 0;  // when there was last no doubt about it, or it began
};

}  // namespace trainbus
