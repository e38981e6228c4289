#include "visitor.hpp"

#include <algorithm>

namespace trainbus {
namespace {

namespace http = boost::beast::http;

std::string last_value(const http::fields& headers, const char* name) {
  std::string last;
  for (const auto& field : headers) {
    if (!boost::beast::iequals(field.name_string(), name)) continue;
    const std::string_view value(field.value().data(), field.value().size());
    last = value.substr(value.rfind(',') + 1);
  }
  last.erase(0, last.find_first_not_of(' '));
  last.erase(last.find_last_not_of(' ') + 1);
  return last;
}

}  // namespace

Visitor visitor_of(const http::fields& headers, const std::string& peer, bool tls,
                   const std::vector<std::string>& proxies) {
  const auto host = headers[http::field::host];
  Visitor visitor{peer, std::string(host.data(), host.size()), tls};
  if (std::ranges::find(proxies, peer) == proxies.end()) return visitor;
  if (auto client = last_value(headers, "X-Forwarded-For"); !client.empty()) visitor.client = std::move(client);
  if (auto name = last_value(headers, "X-Forwarded-Host"); !name.empty()) visitor.host = std::move(name);
  if (const auto scheme = last_value(headers, "X-Forwarded-Proto"); !scheme.empty()) visitor.secure = scheme == "https";
  return visitor;
}

std::string doubled_header(const http::fields& headers) {
  for (const auto field : {http::field::host, http::field::origin, http::field::authorization, http::field::cookie,
                           http::field::content_type})
    if (headers.count(field) > 1) {
      const auto name = http::to_string(field);
      return "a request has one " + std::string(name.data(), name.size());
    }
  return {};
}

std::optional<std::string_view> below_base_path(std::string_view target, std::string_view base_path) {
  if (!target.starts_with(base_path)) return std::nullopt;
  target.remove_prefix(base_path.size());
  if (!target.starts_with('/')) return std::nullopt;
  return target;
}

}  // namespace trainbus
