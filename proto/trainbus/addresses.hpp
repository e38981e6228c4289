#pragma once
// What a host is called and which addresses that means: for who listens or connects by name, in IPv4 or IPv6.

#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "trainbus/bus_key.hpp"

namespace trainbus {

// "host:port", an IPv6 address in brackets.
std::string host_and_port(std::string_view host, std::string_view port);

// Of "[::1]" what stands in the brackets; any other host as it is.
std::string_view without_brackets(std::string_view host);

// The addresses of a host as text, IPv4 first: an address (with or without brackets) is its own, "localhost" is
// 127.0.0.1 and ::1, another name is looked up, which may take seconds. Empty when the name is not known.
std::vector<std::string> addresses_of(const std::string& host);

// Connects in the background to "tcp://host:port" with a name, an IPv4 or an IPv6 address, as who `key` says. A name
// with an IPv4 address is reached by that; looking it up may take a second.
void connect_to(zmq::socket_t& socket, const std::string& endpoint, const std::optional<KeyFile>& key = process_key());

// Listens at "tcp://host:port" on every address of a name ("localhost": 127.0.0.1, and ::1 where there is IPv6), and
// gives the endpoints as libzmq knows them. Throws zmq::error_t.
std::vector<std::string> bind_to(zmq::socket_t& socket, const std::string& endpoint);

}  // namespace trainbus
