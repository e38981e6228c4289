#pragma once
// Where an HTTP server listens, as people write it.

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace trainbus {

struct ListenAddress {
  std::string host;  // "127.0.0.1", "[::1]", "localhost", "head"
  std::uint16_t port = 0;
};

// "HOST:PORT", the port from 0 to 65535, an IPv6 address in brackets; empty for anything else.
std::optional<ListenAddress> parse_listen(std::string_view text);

// The first address of the host, IPv4 before IPv6; looking a name up may take a second. Throws std::runtime_error with
// one line when it has none.
boost::asio::ip::tcp::endpoint endpoint_of(const ListenAddress& listen);

}  // namespace trainbus
