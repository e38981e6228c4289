#pragma once
// Cookies of a request, and those that an answer sets.

#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

// Every value that a cookie of this name has, in order, 8 at most: a browser sends all that match, and another page of
// the host may have set one before ours.
std::vector<std::string_view> cookie_values(std::string_view header, std::string_view name);

struct Cookie {
  std::string name, value;
  bool secure = false;            // only over TLS
  const char* same_site = "Lax";  // or "Strict"
  long max_age_sec = -1;          // below 0: until the browser ends; 0: take it away
};
// The value of a Set-Cookie header: for the whole site, and not for scripts.
std::string set_cookie(const Cookie& cookie);

}  // namespace trainbus
