#include "host_names.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cctype>

#include "trainbus/endpoints.hpp"

namespace trainbus {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// "[::1]:8080" -> "::1", "localhost:8080" -> "localhost"; empty when it is neither.
std::string host_of(std::string_view header) {
  std::string_view port;
  std::string_view host = header;
  if (header.starts_with('[')) {
    const auto end = header.find(']');
    if (end == std::string_view::npos) return {};
    host = header.substr(1, end - 1);
    port = header.substr(end + 1);
  } else if (const auto colon = header.find(':'); colon != std::string_view::npos) {
    host = header.substr(0, colon);
    port = header.substr(colon);
  }
  const bool port_ok = port.empty() || (port.front() == ':' && port.find_first_not_of("0123456789", 1) == port.npos);
  return port_ok ? lower(host) : std::string{};
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

std::string without_brackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

}  // namespace

HostNames::HostNames(std::string listen_host, std::vector<std::string> allowed)
    : listen_host_(without_brackets(lower(listen_host))), allowed_(std::move(allowed)) {
  for (auto& name : allowed_)
    name = lower(name);
}

bool HostNames::answers_to(std::string_view header) const {
  const std::string host = host_of(header);
  if (host.empty()) return false;
  if (is_loopback(host) || host == listen_host_) return true;
  if (std::find(allowed_.begin(), allowed_.end(), host) != allowed_.end()) return true;
  return !is_loopback(listen_host_) && is_address(host);
}

}  // namespace trainbus
