#pragma once
// The ROUTER of the control port: what comes in, whom it came from, and answers. Used by the bus thread only.

#include <cstdint>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "trainbus.pb.h"

namespace trainbus {

class ControlSocket {
 public:
  static constexpr std::size_t kMaxPeers = 200'000;  // told about a goodbye; policy: further ones are not

  struct Peer {
    std::string routing_id;
    std::uint64_t request_id = 0;  // echoed; 0: nobody asked
  };

  explicit ControlSocket(zmq::socket_t& router) : router_(router) {}

  // One message, the routing id first; false when none waits.
  bool receive(std::vector<zmq::message_t>& frames);
  // False when the peer is gone. One that does not read loses the answer, which is counted.
  bool send(const Peer& peer, v1::MetricsResponse& response);
  bool send(const std::string& routing_id, v1::MetricsResponse& response) {
    return send(Peer{routing_id, 0}, response);
  }
  void refuse(const Peer& peer, v1::ErrorCode code, const std::string& why);
  // To every peer heard.
  void send_to_all(v1::MetricsResponse& response);

  std::size_t peers() const { return peers_.size(); }
  std::uint64_t unreachable() const { return unreachable_; }  // answers whose peer was gone
  std::uint64_t not_read() const { return not_read_; }        // dropped because their peer does not read
  std::uint64_t errors_answered() const { return errors_answered_; }

 private:
  zmq::socket_t& router_;
  std::set<std::string> peers_;  // routing ids heard
  std::uint64_t unreachable_ = 0;
  std::uint64_t not_read_ = 0;
  std::uint64_t errors_answered_ = 0;
};

}  // namespace trainbus
