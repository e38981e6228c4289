#pragma once
// Receiving from a ZeroMQ socket, as long as a test is patient.

#include <zmq.hpp>

#include "tests/support/patience.hpp"

namespace trainbus::test {

// The next frame; false when none comes in `limit`.
inline bool receive_patiently(zmq::socket_t& socket, zmq::message_t& frame,
                              std::chrono::milliseconds limit = std::chrono::seconds(5)) {
  constexpr int kLookEveryMs = 20;
  const Patience patience(limit);
  do {
    zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    zmq_poll(&item, 1, kLookEveryMs);
    if (socket.recv(frame, zmq::recv_flags::dontwait)) return true;
  } while (!patience.over());
  return false;
}

}  // namespace trainbus::test
