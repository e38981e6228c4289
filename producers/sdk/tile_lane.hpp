#pragma once
// The tiles' way to the broker.

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "tile_encoder.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// Learns from subscriptions whether somebody watches, and while so encodes and sends the newest batch of the slot.
// Single-threaded and steppable; owns an XPUB socket. What the link cannot take is dropped at the source and counted.
class TileLane {
 public:
  // Throws zmq::error_t when the socket cannot be opened.
  TileLane(zmq::context_t& context, TrainerState& state);

  // One turn; waits at most `timeout` for a subscription when nothing is to be sent. Never throws.
  void poll_once(std::chrono::milliseconds timeout);

 private:
  struct Buffer;

  void turn(std::chrono::milliseconds timeout);
  void read_subscriptions();
  bool send(const TileSet& tiles);
  std::shared_ptr<Buffer> free_buffer();

  TrainerState& state_;
  zmq::socket_t socket_;
  std::string topic_;
  std::set<std::string, std::less<>> subscriptions_;  // prefixes of topic_ that somebody wants
  TileEncoder encoder_;
  v1::MetricsRequest message_;  // reused
  std::uint64_t sequence_ = 0;
  std::vector<std::shared_ptr<Buffer>> buffers_;  // lent to libzmq while it sends
  std::vector<zmq::message_t> frames_;
};

}  // namespace trainbus
