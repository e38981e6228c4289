#pragma once
// The consumer's end of the control socket.

#include <string>
#include <zmq.hpp>

namespace trainbus {

// A DEALER that connects to the broker's control port in the background. It queues nothing while the broker is away
// (sending says so instead), and takes answers larger than a record: pages of the journal, lists.
zmq::socket_t control_dealer(zmq::context_t& context, const std::string& broker);

}  // namespace trainbus
