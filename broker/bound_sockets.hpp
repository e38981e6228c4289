#pragma once
// The broker's three bound sockets, with the settings that matter, and the addresses they got.

#include <string>
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
};

// Binds all three, with `secret_key` (Z85; two with a space between) for clients with keys only, as a Gatekeeper
// answers, or throws std::runtime_error with one line that names the address. A base port of 0 finds three free ports
// in a row below 32768 (above it a connecting socket could be given the port it connects to).
BoundSockets bind_sockets(zmq::context_t& context, const Endpoints& wanted, const std::string& secret_key = {});

}  // namespace trainbus
