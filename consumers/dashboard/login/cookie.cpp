#include "cookie.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMostValues = 8;

}  // namespace

std::vector<std::string_view> cookie_values(std::string_view header, std::string_view name) {
  std::vector<std::string_view> values;
  while (!header.empty() && values.size() < kMostValues) {
    const auto end = header.find(';');
    auto part = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
    const auto first = part.find_first_not_of(' ');
    if (first == std::string_view::npos) continue;
    part.remove_prefix(first);
    if (part.size() > name.size() + 1 && part.starts_with(name) && part[name.size()] == '=')
      values.push_back(part.substr(name.size() + 1));
  }
  return values;
}

std::string set_cookie(const Cookie& cookie) {
  auto text = cookie.name + '=' + cookie.value + "; Path=/; HttpOnly; SameSite=" + cookie.same_site;
  if (cookie.secure) text += "; Secure";
  if (cookie.max_age_sec >= 0) text += "; Max-Age=" + std::to_string(cookie.max_age_sec);
  return text;
}

}  // namespace trainbus
