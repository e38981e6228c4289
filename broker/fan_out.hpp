#pragma once
// The XPUB side: sends to the subscribers, and knows when one of them is dropped for.

#include <cstdint>
#include <utility>
#include <zmq.hpp>

namespace trainbus {

// A subscriber whose queue is full is dropped for until it has read half of it; the others get everything. libzmq does
// that in silence; with XPUB_NODROP it refuses the message first, which is counted, and is then told to drop.
// Used by the bus thread only.
class FanOut {
 public:
  explicit FanOut(zmq::socket_t& xpub) : xpub_(xpub) { xpub_.set(zmq::sockopt::xpub_nodrop, true); }

  void send(zmq::message_t topic, zmq::message_t body) {
    if (!xpub_.send(topic, zmq::send_flags::sndmore | zmq::send_flags::dontwait)) {
      ++overflows_;
      xpub_.set(zmq::sockopt::xpub_nodrop, false);
      xpub_.send(std::move(topic), zmq::send_flags::sndmore);
      xpub_.send(std::move(body), zmq::send_flags::none);
      xpub_.set(zmq::sockopt::xpub_nodrop, true);
      return;
    }
    xpub_.send(std::move(body), zmq::send_flags::none);
  }
  // Times that a subscriber's queue was found full; how much it missed then is its to find out.
  std::uint64_t overflows() const { return overflows_; }

 private:
  zmq::socket_t& xpub_;
  std::uint64_t overflows_ = 0;
};

}  // namespace trainbus
