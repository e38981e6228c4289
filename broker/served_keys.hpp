#pragma once
// By which keys of its own a broker's ports are served, while it runs.
//
// libzmq serves a listening descriptor by one key. For another key a second one listens beside it: who comes to the one
// that has not theirs is hung up on at once, and is soon at the other. With a listener libzmq ends every connection
// that came to its address, so a key that goes costs all of them; they come again by themselves.

#include <string>
#include <vector>

#include "broker/bound_sockets.hpp"

namespace trainbus {

// Serves by these keys (Z85) and no others, from now on; by the thread that uses the sockets. True when connections
// were ended for it. Throws std::runtime_error with one line; where it is about descriptors, all is as it was.
bool serve_keys(BoundSockets& sockets, const std::vector<std::string>& secret_keys);

}  // namespace trainbus
