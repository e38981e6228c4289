#pragma once
// The tiles' way to the broker.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "tile_encoder.hpp"
#include "trainbus/bus_key.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// Connects while the broker says that somebody watches, and learns from subscriptions when. While so it encodes and
// sends the newest batch of the slot. Single-threaded and steppable; owns an XPUB socket, or none. What the link cannot
// take is dropped at the source and counted.
class TileLane {
 public:
  TileLane(zmq::context_t& context, TrainerState& state, std::optional<KeyFile> key);

  // One turn; waits at most `timeout` when nothing is to be sent. Never throws.
  void poll_once(std::chrono::milliseconds timeout);

 private:
  struct Buffer;

  using Clock = std::chrono::steady_clock;

  void turn(std::chrono::milliseconds timeout);
  void follow_demand(Clock::time_point now);
  void connect();
  void disconnect();
  void read_subscriptions();
  bool send(const TileSet& tiles);
  std::shared_ptr<Buffer> free_buffer();

  TrainerState& state_;
  zmq::context_t& context_;
  const std::optional<KeyFile> key_;
  std::optional<zmq::socket_t> socket_;
  Clock::time_point wanted_at_{};  // last time somebody watched
  std::string topic_;
  std::set<std::string, std::less<>> subscriptions_;  // prefixes of topic_ that somebody wants
  TileEncoder encoder_;
  v1::MetricsRequest message_;  // reused
  std::uint64_t sequence_ = 0;
  std::vector<std::shared_ptr<Buffer>> buffers_;  // lent to libzmq while it sends
  std::vector<zmq::message_t> frames_;
};

}  // namespace trainbus
