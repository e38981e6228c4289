#include "trainbus/endpoints.hpp"

#include <arpa/inet.h>
#include <strings.h>

#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "trainbus/addresses.hpp"

namespace trainbus {
namespace {

constexpr int kHighestBasePort = 32765;

[[noreturn]] void refuse_address(std::string_view base, const char* why) {
  throw std::invalid_argument("broker address '" + std::string(base) + "': " + why);
}

std::string at(const Endpoints& endpoints, int offset) {
  const std::string port = endpoints.base_port == 0 ? "*" : std::to_string(endpoints.base_port + offset);
  return "tcp://" + host_and_port(endpoints.host, port);
}

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string Endpoints::base() const { return at(*this, 0); }
std::string Endpoints::data_in() const { return at(*this, 0); }
std::string Endpoints::data_out() const { return at(*this, 1); }
std::string Endpoints::control() const { return at(*this, 2); }

Endpoints parse_endpoints(std::string_view base) {
  constexpr std::string_view kScheme = "tcp://";
  if (base == "off")
    refuse_address(base, "the bus is switched off; this needs one, such as --broker tcp://127.0.0.1:7760");
  if (!base.starts_with(kScheme)) refuse_address(base, "must look like tcp://HOST:PORT");
  const auto rest = base.substr(kScheme.size());
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) refuse_address(base, "must look like tcp://HOST:PORT");
  const auto port_text = rest.substr(colon + 1);
  const auto host = without_brackets(rest.substr(0, colon));
  const bool bracketed = host.size() != colon;
  if (bracketed != (host.find(':') != std::string_view::npos) || host.empty())
    refuse_address(base, "an IPv6 address, and nothing else, stands in brackets: tcp://[::1]:PORT");
  if (host.find_first_of(" \t/[]@;,") != std::string_view::npos)
    refuse_address(base, "the host must be a name or an address");
  Endpoints endpoints{std::string(host), 0};
  if (port_text == "*") return endpoints;
  int port = -1;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size() || port < 0)
    refuse_address(base, "the port must be a number");
  if (port > kHighestBasePort) refuse_address(base, "the port must be at most 32765, it and the next two are used");
  endpoints.base_port = static_cast<std::uint16_t>(port);
  return endpoints;
}

std::string default_broker() {
  const char* value = std::getenv("TRAINBUS_BROKER");
  if (value == nullptr) return std::string(kDefaultBroker);
  return *value == '\0' ? "off" : value;
}

bool is_loopback(std::string_view host) {
  if (same_word(host, "localhost")) return true;
  const std::string address(without_brackets(host));
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

}  // namespace trainbus
