#pragma once
// The address of a webhook.

#include <optional>
#include <string>
#include <string_view>

namespace trainbus {

struct WebhookUrl {
  bool tls = false;
  std::string host;
  std::string port;
  std::string target;  // "/services/…", with the query

  // "https://host" (and the port when it is not the usual one): what may be printed. Path and query are secrets.
  std::string shown() const;
  // Without the brackets of an IPv6 address.
  std::string host_name() const;
  // The Host header.
  std::string authority() const;
};

// "http://HOST[:PORT][/TARGET]", https too; HOST may be [::1]. Empty on anything else: user names, fragments, blanks.
std::optional<WebhookUrl> parse_webhook_url(const std::string& text);
// Where an answer from `from` sends its client: what its Location header says, a whole URL or one relative to `from`
// (RFC 3986, 4.2), without a fragment. Empty when that is no address of a webhook.
std::optional<WebhookUrl> redirected_url(const WebhookUrl& from, std::string_view location);
// Empty when good, else one line that does not show the URL.
std::string webhook_url_problem(const std::string& text);

}  // namespace trainbus
