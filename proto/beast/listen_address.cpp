#include "listen_address.hpp"

#include <charconv>
#include <stdexcept>

#include "trainbus/addresses.hpp"

namespace trainbus {

std::optional<ListenAddress> parse_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  ListenAddress listen{std::string(text.substr(0, colon)), 0};
  const bool bracketed = listen.host.front() == '[' && listen.host.back() == ']' && listen.host.size() > 2;
  if (!bracketed && listen.host.find_first_of(":[]") != std::string::npos) return std::nullopt;
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), listen.port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return listen;
}

boost::asio::ip::tcp::endpoint endpoint_of(const ListenAddress& listen) {
  const auto addresses = addresses_of(listen.host);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(addresses.empty() ? listen.host : addresses.front(), error);
  if (error) throw std::runtime_error("cannot listen on '" + listen.host + "': no host is known by that name");
  return {address, listen.port};
}

}  // namespace trainbus
