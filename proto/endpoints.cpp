#include "trainbus/endpoints.hpp"

#include <charconv>
#include <cstdlib>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr int kHighestBasePort = 32765;

[[noreturn]] void refuse(std::string_view base, const char* why) {
  throw std::invalid_argument("broker address '" + std::string(base) + "': " + why);
}

std::string at(const Endpoints& endpoints, int offset) {
  const std::string port = endpoints.base_port == 0 ? "*" : std::to_string(endpoints.base_port + offset);
  return "tcp://" + endpoints.host + ':' + port;
}

}  // namespace

std::string Endpoints::base() const { return at(*this, 0); }
std::string Endpoints::data_in() const { return at(*this, 0); }
std::string Endpoints::data_out() const { return at(*this, 1); }
std::string Endpoints::control() const { return at(*this, 2); }

Endpoints parse_endpoints(std::string_view base) {
  constexpr std::string_view kScheme = "tcp://";
  if (!base.starts_with(kScheme)) refuse(base, "must look like tcp://HOST:PORT");
  const auto rest = base.substr(kScheme.size());
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) refuse(base, "must look like tcp://HOST:PORT");
  const auto port_text = rest.substr(colon + 1);
  Endpoints endpoints{std::string(rest.substr(0, colon)), 0};
  if (port_text == "*") return endpoints;
  int port = -1;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || end != port_text.data() + port_text.size() || port < 0)
    refuse(base, "the port must be a number");
  if (port > kHighestBasePort) refuse(base, "the port must be at most 32765, it and the next two are used");
  endpoints.base_port = static_cast<std::uint16_t>(port);
  return endpoints;
}

std::string default_broker() {
  const char* value = std::getenv("TRAINBUS_BROKER");
  return value != nullptr && *value != '\0' ? value : std::string(kDefaultBroker);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace trainbus
