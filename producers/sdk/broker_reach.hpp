#pragma once
// Whether anybody is there to wait for.

#include "trainbus/endpoints.hpp"

namespace trainbus {

// True when the control port of a broker on this machine, or at a numeric address, refuses a connection at once: no
// broker listens there. False in all doubt. Waits 20 ms at most.
bool refuses_connections(const Endpoints& broker);

}  // namespace trainbus
