#include "broker/control_socket.hpp"

#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

bool ControlSocket::receive(std::vector<zmq::message_t>& frames) {
  if (!receive_message(router_, frames)) return false;
  if (peers_.size() < kMaxPeers) peers_.insert(frames[0].to_string());
  return true;
}

bool ControlSocket::send(const Peer& peer, v1::MetricsResponse& response) {
  response.set_timestamp_ms(unix_ms());
  response.set_request_id(peer.request_id);
  const std::string body = response.SerializeAsString();
  try {
    const auto sent = router_.send(zmq::buffer(peer.routing_id), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    if (sent) {
      router_.send(zmq::buffer(body), zmq::send_flags::dontwait);
      return true;
    }
    ++not_read_;  // its queue is full
    return true;
  } catch (const zmq::error_t&) {  // EHOSTUNREACH: it is gone
    ++unreachable_;
    peers_.erase(peer.routing_id);
    return false;
  }
}

void ControlSocket::refuse(const Peer& peer, v1::ErrorCode code, const std::string& why) {
  ++errors_answered_;
  v1::MetricsResponse response;
  response.mutable_error()->set_code(code);
  response.mutable_error()->set_message(why);
  send(peer, response);
}

void ControlSocket::send_to_all(v1::MetricsResponse& response) {
  for (const auto& routing_id : std::set<std::string>(peers_))
    send(routing_id, response);
}

}  // namespace trainbus
