#pragma once
// The socket settings both ends agree on; the measured reason for each is in proto/README.md.

#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace trainbus {

// The one context of the process, made on first use and never torn down: sockets of any thread may outlive main.
zmq::context_t& process_context();

enum class Lane { kData, kTiles, kControl };

// Settings every socket of a lane has: linger, handshake interval, MAXMSGSIZE, keep-alive, backlog. ZMTP heartbeats go
// out from what takes in little (PUB, XPUB, DEALER, whose RCVHWM is 0), not from what takes in bulk (SUB, XSUB,
// ROUTER). On SUB and XSUB also SNDHWM=0, without which subscriptions above it vanish.
void apply_lane(zmq::socket_t& socket, Lane lane);

// Reconnect interval spread by the session's name, so that a thousand peers do not come back at once.
void apply_reconnect(zmq::socket_t& socket, std::string_view session_id);

// Receives every frame of one message into `frames` (cleared first), reading to the end even past `max_frames`
// (further frames are dropped, and frames.size() is max_frames + 1). False when nothing was waiting.
bool receive_message(zmq::socket_t& socket, std::vector<zmq::message_t>& frames, std::size_t max_frames = 4);

// A view of a frame's bytes, valid while the frame lives.
std::string_view bytes_of(const zmq::message_t& frame);

}  // namespace trainbus
