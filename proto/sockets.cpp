#include "trainbus/sockets.hpp"

#include <functional>

#include "trainbus/wire.hpp"

namespace trainbus {

zmq::context_t& process_context() {
  static auto* const context = new zmq::context_t;
  return *context;
}

void apply_lane(zmq::socket_t& socket, Lane lane) {
  namespace opt = zmq::sockopt;
  socket.set(opt::linger, lane == Lane::kControl ? 2000 : 0);
  socket.set(opt::handshake_ivl, 10'000);  // a thousand handshakes with keys at once take seconds
  socket.set(opt::maxmsgsize, static_cast<std::int64_t>(lane == Lane::kTiles ? kMaxTilesBytes : kMaxRecordBytes));
  socket.set(opt::tcp_keepalive, 1);
  socket.set(opt::tcp_keepalive_idle, 30);
  socket.set(opt::tcp_keepalive_intvl, 10);
  socket.set(opt::tcp_keepalive_cnt, 3);
  socket.set(opt::backlog, 4096);
  const int type = socket.get(opt::type);
  // libzmq 4.3.4 aborts the process when a socket pings whose input queue is full and whose peer has reset. So what
  // takes in bulk never pings: a ping of the other end carries a time to live, which finds a dead peer just as well.
  // Whatever pings takes in little, and has a queue that is never full.
  const bool takes_in_bulk = type == ZMQ_SUB || type == ZMQ_XSUB || type == ZMQ_ROUTER;
  if (!takes_in_bulk) {
    // A 480 kB frame on a slow link outlasts short heartbeats and would get a healthy peer cut.
    const bool tiles = lane == Lane::kTiles;
    socket.set(opt::heartbeat_ivl, tiles ? 5000 : 2000);
    socket.set(opt::heartbeat_timeout, tiles ? 20000 : 6000);
    socket.set(opt::heartbeat_ttl, tiles ? 30000 : 6000);
    socket.set(opt::rcvhwm, 0);
  }
  if (type == ZMQ_SUB || type == ZMQ_XSUB) socket.set(opt::sndhwm, 0);
}

void apply_reconnect(zmq::socket_t& socket, std::string_view session_id) {
  socket.set(zmq::sockopt::reconnect_ivl, 100 + static_cast<int>(std::hash<std::string_view>{}(session_id) % 400));
  socket.set(zmq::sockopt::reconnect_ivl_max, 1500);
}

bool receive_message(zmq::socket_t& socket, std::vector<zmq::message_t>& frames, std::size_t max_frames) {
  frames.clear();
  zmq::message_t frame;
  if (!socket.recv(frame, zmq::recv_flags::dontwait)) return false;
  bool more = frame.more();
  frames.push_back(std::move(frame));
  while (more) {  // the rest of a message is always there once its first frame is
    zmq::message_t next;
    if (!socket.recv(next, zmq::recv_flags::none)) continue;
    more = next.more();
    if (frames.size() <= max_frames) frames.push_back(std::move(next));
  }
  return true;
}

std::string_view bytes_of(const zmq::message_t& frame) {
  return {static_cast<const char*>(frame.data()), frame.size()};
}

}  // namespace trainbus
