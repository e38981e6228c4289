#pragma once
// One address is enough: a base port P means P data in, P+1 data out, P+2 control.

#include <cstdint>
#include <string>
#include <string_view>

namespace trainbus {

inline constexpr std::uint16_t kDefaultBasePort = 7760;
inline constexpr std::string_view kDefaultBroker = "tcp://127.0.0.1:7760";

struct Endpoints {
  std::string host;
  std::uint16_t base_port = 0;  // 0: any free port (binding only)

  std::string base() const;      // "tcp://host:P"
  std::string data_in() const;   // P: trainers publish here
  std::string data_out() const;  // P+1: consumers subscribe here
  std::string control() const;   // P+2: ROUTER
};

// Parses "tcp://host:port". Port "*" or 0 gives base_port 0. Throws std::invalid_argument with one line naming the
// value: no tcp://, no port, or a port above 32765 (P+2 must stay below the ephemeral range).
Endpoints parse_endpoints(std::string_view base);

// $TRAINBUS_BROKER, else kDefaultBroker.
std::string default_broker();

// 127.0.0.0/8, ::1 or "localhost".
bool is_loopback(std::string_view host);

}  // namespace trainbus
