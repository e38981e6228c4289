#pragma once
// Marks the control connections of tools and consumers for the broker, in the IP header of each packet.

namespace trainbus {

// The type of service (low delay) of a connection that lists and commands. A broker short of files keeps trainers
// waiting in front of its control port, and lets these in. A network that clears the mark makes them wait as well.
inline constexpr int kToolServiceType = 0x10;

}  // namespace trainbus
