#include "request_guard.hpp"

#include <boost/beast/core/string.hpp>

namespace trainbus {
namespace {

bool same_word(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

}  // namespace

bool origin_matches(std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  for (const std::string_view scheme : {"http://", "https://"})
    if (origin.starts_with(scheme)) return same_word(origin.substr(scheme.size()), host);
  return false;
}

bool is_json_content(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  const auto end = type.find_last_not_of(" \t");
  return end != std::string_view::npos && same_word(type.substr(0, end + 1), "application/json");
}

}  // namespace trainbus
