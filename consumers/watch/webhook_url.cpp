#include "webhook_url.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace trainbus {
namespace {

bool is_host(std::string_view host) {
  const bool v6 = host.starts_with('[') && host.ends_with(']');
  if (v6) host = host.substr(1, host.size() - 2);
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || (v6 && (c == ':' || c == '%'));
  });
}

bool is_port(std::string_view port) {
  int number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc{} && end == port.data() + port.size() && number >= 1 && number <= 65535;
}

}  // namespace

std::string WebhookUrl::authority() const { return port == (tls ? "443" : "80") ? host : host + ':' + port; }

std::string WebhookUrl::host_name() const { return host.front() == '[' ? host.substr(1, host.size() - 2) : host; }

std::string WebhookUrl::shown() const { return (tls ? "https://" : "http://") + authority(); }

std::optional<WebhookUrl> parse_webhook_url(const std::string& text) {
  std::string_view rest = text;
  WebhookUrl url;
  url.tls = rest.starts_with("https://");
  if (!url.tls && !rest.starts_with("http://")) return std::nullopt;
  rest.remove_prefix(url.tls ? 8 : 7);
  const auto slash = std::min(rest.find('/'), rest.find('?'));
  const auto authority = rest.substr(0, slash);
  const auto colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  url.host = authority.substr(0, has_port ? colon : std::string_view::npos);
  url.port = has_port ? std::string(authority.substr(colon + 1)) : url.tls ? "443" : "80";
  url.target = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  if (url.target.front() == '?') url.target.insert(0, "/");
  const bool plain = std::all_of(url.target.begin(), url.target.end(),
                                 [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (!plain || !is_host(url.host) || !is_port(url.port)) return std::nullopt;
  return url;
}

std::string webhook_url_problem(const std::string& text) {
  if (parse_webhook_url(text)) return {};
  if (!text.starts_with("http://") && !text.starts_with("https://")) return "does not start with http:// or https://";
  return "is no URL of a host, a port from 1 to 65535 and a path without blanks and '#'";
}

}  // namespace trainbus
