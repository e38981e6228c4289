#pragma once
// The descriptors of this process that listen at a port. libzmq does not tell them.

#include <vector>

namespace trainbus {

// Each stays open while its socket is bound there.
std::vector<int> listeners_at(int port);

// Another one at the same address, for one of a port's: the kernel shares newcomers out among them (SO_REUSEPORT, among
// sockets of one user only). The caller owns it. Throws std::runtime_error with one line.
int listen_beside(int listener);

}  // namespace trainbus
