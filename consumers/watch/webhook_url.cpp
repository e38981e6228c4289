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

std::optional<WebhookUrl> redirected_url(const WebhookUrl& from, std::string_view location) {
  location = location.substr(0, location.find('#'));
  if (location.empty()) return std::nullopt;
  const std::string scheme = from.tls ? "https:" : "http:";
  if (location.starts_with("//")) return parse_webhook_url(scheme + std::string(location));
  const auto path_end = location.find_first_of("/?");
  if (location.find(':') < path_end) return parse_webhook_url(std::string(location));  // it has a scheme of its own
  const auto path = from.target.substr(0, from.target.find('?'));
  const auto front = location.front() == '/'   ? std::string{}
                     : location.front() == '?' ? path
                                               : path.substr(0, path.rfind('/') + 1);
  return parse_webhook_url(from.shown() + front + std::string(location));
}

std::string webhook_url_problem(const std::string& text) {
  if (parse_webhook_url(text)) return {};
  if (!text.starts_with("http://") && !text.starts_with("https://")) return "does not start with http:// or https://";
  return "is no URL of a host, a port from 1 to 65535 and a path without blanks and '#'";
}

}  // namespace trainbus
