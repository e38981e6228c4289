#include "trainbus/addresses.hpp"

#include <netdb.h>
#include <strings.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::string_view kScheme = "tcp://";

struct Target {
  std::string host, port;
};

Target target_of(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  std::string host = endpoint.substr(kScheme.size(), colon - kScheme.size());
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {std::move(host), endpoint.substr(colon + 1)};
}

bool is_v6(const std::string& address) { return address.find(':') != std::string::npos; }

std::string text_of(const addrinfo& found) {
  char text[NI_MAXHOST];
  const int failed = getnameinfo(found.ai_addr, found.ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return failed == 0 ? text : "";
}

}  // namespace

std::string_view without_brackets(std::string_view host) {
  return host.size() >= 2 && host.front() == '[' && host.back() == ']' ? host.substr(1, host.size() - 2) : host;
}

std::string host_and_port(std::string_view host, std::string_view port) {
  const auto bare = without_brackets(host);
  const bool brackets = bare.find(':') != std::string_view::npos;
  return (brackets ? '[' + std::string(bare) + ']' : std::string(bare)) + ':' + std::string(port);
}

std::vector<std::string> addresses_of(const std::string& host) {
  if (strcasecmp(host.c_str(), "localhost") == 0) return {"127.0.0.1", "::1"};  // whatever /etc/hosts says
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(std::string(without_brackets(host)).c_str(), nullptr, &wanted, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  std::vector<std::string> addresses;
  for (const int family : {AF_INET, AF_INET6})
    for (const auto* each = found; each != nullptr; each = each->ai_next)
      if (each->ai_family == family) addresses.push_back(text_of(*each));
  return addresses;
}

// libzmq looks a name up for one family only: by default IPv4, with ZMQ_IPV6 an IPv6 address wherever there is one.
void connect_to(zmq::socket_t& socket, const std::string& endpoint, const std::optional<KeyFile>& key) {
  if (key) apply_key(socket, *key);
  const auto addresses = addresses_of(target_of(endpoint).host);
  socket.set(zmq::sockopt::ipv6, !addresses.empty() && std::ranges::all_of(addresses, is_v6));
  try {
    socket.connect(endpoint);
  } catch (const zmq::error_t& error) {
    throw std::invalid_argument("cannot connect to '" + endpoint + "': " + error.what());
  }
}

std::vector<std::string> bind_to(zmq::socket_t& socket, const std::string& endpoint) {
  const auto [host, port] = target_of(endpoint);
  auto addresses = addresses_of(host);
  if (addresses.empty()) addresses.push_back(host);  // `*`, or a network interface
  std::vector<std::string> bound;
  for (const auto& address : addresses) {
    socket.set(zmq::sockopt::ipv6, is_v6(address));
    try {
      socket.bind(std::string(kScheme) + host_and_port(address, port));
    } catch (const zmq::error_t& error) {
      const bool no_ipv6 = error.num() == EADDRNOTAVAIL || error.num() == EAFNOSUPPORT;
      if (bound.empty() || !is_v6(address) || !no_ipv6) throw;
      continue;
    }
    bound.push_back(socket.get(zmq::sockopt::last_endpoint));
  }
  return bound;
}

}  // namespace trainbus
