#pragma once
// Where a request comes from, as the connection says, or a proxy that is listed.

#include <boost/beast/http/fields.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

struct Visitor {
  std::string client;   // address
  std::string host;     // by which the browser knows this server
  bool secure = false;  // TLS up to here, or up to the proxy
};

// `peer`: the address at the other end. X-Forwarded-For, -Host and -Proto are believed when it is one of `proxies`, and
// of each the last value, which is the proxy's own.
Visitor visitor_of(const boost::beast::http::fields& headers, const std::string& peer, bool tls,
                   const std::vector<std::string>& proxies);

// One line when a header that decides who may do what is there twice; else empty.
std::string doubled_header(const boost::beast::http::fields& headers);

// What follows the base path ("" or "/bus"); empty when `target` is not below it.
std::optional<std::string_view> below_base_path(std::string_view target, std::string_view base_path);

}  // namespace trainbus
