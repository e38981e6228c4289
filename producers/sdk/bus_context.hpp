#pragma once
// The ZeroMQ context that all producers of a process share, and what a fork does to them.

#include <memory>
#include <string_view>
#include <zmq.hpp>

namespace trainbus {

// The process's context, made when the first producer needs it and ended after the last one has let go of it (which
// waits for what the sockets linger over). A forked child gets its own.
std::shared_ptr<zmq::context_t> shared_bus_context();

// Changes in a forked child. Sockets and threads of another generation are the parent's: not to be touched.
unsigned process_generation();

// Sends [topic][body] without waiting; false when the socket takes no message now. A message is sent whole or not at
// all, whatever signals come.
bool send_record(zmq::socket_t& socket, std::string_view topic, zmq::message_t body);

}  // namespace trainbus
