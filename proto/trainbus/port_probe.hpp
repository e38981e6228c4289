#pragma once
// Why nothing comes from a port: asked by a connection of its own, once something is amiss.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "trainbus/bus_key.hpp"

namespace trainbus {

// A key that is not known is refused in silence: no answer to a handshake for so long is taken for that.
inline constexpr std::chrono::milliseconds kHandshakeTime{1'500};
inline constexpr std::chrono::milliseconds kKeyRefusedWithin{1'900};

struct PortProblem {
  std::string text;        // a few words; empty: none
  bool about_key = false;  // the port answers, but not to who has this key (or none)
};

// Connects to "tcp://host:port", reads ZeroMQ's greeting, and shakes hands with the key where there is one: at most
// `limit` in all but for looking the name up. What may be wrong: "connection refused", "no answer", "no host is known
// by that name", "closes the connection at once", "takes connections, but is no ZeroMQ port", "wants a key: ...", "does
// not take key 'alice' ...".
// `as`: what this side is to the port: a dealer to control, a sub to data out, a pub to data in.
PortProblem port_problem(const std::string& endpoint, std::chrono::milliseconds limit,
                         const std::optional<KeyFile>& key = process_key(),
                         zmq::socket_type as = zmq::socket_type::dealer);

// The same in the background. Any thread; an answer that is not waited for is dropped.
class PortProbe {
 public:
  explicit PortProbe(const std::string& endpoint, std::chrono::milliseconds limit = kKeyRefusedWithin,
                     std::optional<KeyFile> key = process_key(), zmq::socket_type as = zmq::socket_type::dealer);
  // Empty until it is known.
  std::optional<PortProblem> problem() const;

 private:
  struct Answer;
  std::shared_ptr<Answer> answer_;
};

}  // namespace trainbus
