#pragma once
// The broker's three bound sockets, with the settings that matter, and the addresses they got.

#include <array>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "trainbus/endpoints.hpp"

namespace trainbus {

struct BoundSockets {
  static constexpr int kSubscriberQueue = 20'000;  // messages that wait for a subscriber; policy: drop the newest
  static constexpr int kAnswerQueue = 200;         // answers that a peer does not read; a page has 1 MiB; policy: drop

  zmq::socket_t xsub;    // P: trainers publish here
  zmq::socket_t xpub;    // P+1: consumers subscribe here
  zmq::socket_t router;  // P+2: control
  Endpoints endpoints;   // with the real port
  // The descriptors that listen at each port, in this order; and the keys (Z85) of the broker by which they are served.
  std::array<std::vector<int>, 3> listeners = {};
  std::vector<std::string> secret_keys = {};
};

// Binds all three, with `secret_keys` (Z85) for clients with keys only, as a Gatekeeper answers, or throws
// std::runtime_error with one line that names the address. A base port of 0 finds three free ports in a row below 32768
// (above it a connecting socket could be given the port it connects to).
BoundSockets bind_sockets(zmq::context_t& context, const Endpoints& wanted,
                          const std::vector<std::string>& secret_keys = {});

}  // namespace trainbus
