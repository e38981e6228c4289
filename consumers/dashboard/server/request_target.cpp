#include "request_target.hpp"

#include <charconv>
#include <cmath>

#include "trainbus/text.hpp"

namespace trainbus {
namespace {

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_character_bytes(text);
    if (bytes == 0 || static_cast<unsigned char>(text.front()) < 0x20 || text.front() == 0x7f) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// In a query '+' is a space, and escapes may spell any UTF-8 without control characters.
std::optional<std::string> decode(std::string_view text, bool query) {
  std::string out;
  bool ascii = true;
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c < 0x20 || c > 0x7e) return std::nullopt;
    if (query && c == '+') {
      c = ' ';
    } else if (c == '%') {
      if (text.size() - at < 3) return std::nullopt;
      unsigned value = 0;
      const char* digits = text.data() + at + 1;
      const auto [end, error] = std::from_chars(digits, digits + 2, value, 16);
      if (error != std::errc{} || end != digits + 2) return std::nullopt;
      c = static_cast<char>(value);
      at += 2;
    }
    if (c < 0x20 || c > 0x7e) ascii = false;
    out += c;
  }
  if (!ascii && !(query && is_text(out))) return std::nullopt;
  return out;
}

bool split_path(RequestTarget& target) {
  std::string_view rest = std::string_view(target.path).substr(1);
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    if (segment == "." || segment == "..") return false;
    target.segments.emplace_back(segment);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  }
  return true;
}

bool split_query(RequestTarget& target, std::string_view query) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto pair = query.substr(0, end);
    const auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true);
    auto value = decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value) return false;
    target.query[std::move(*name)] = std::move(*value);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
  return true;
}

}  // namespace

std::optional<double> RequestTarget::number(const std::string& name, double otherwise) const {
  const auto found = query.find(name);
  if (found == query.end()) return otherwise;
  const std::string& text = found->second;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<RequestTarget> parse_target(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  const auto question = text.find('?');
  auto path = decode(text.substr(0, question), false);
  if (!path) return std::nullopt;
  RequestTarget target;
  target.path = std::move(*path);
  if (!split_path(target)) return std::nullopt;
  if (question != std::string_view::npos && !split_query(target, text.substr(question + 1))) return std::nullopt;
  return target;
}

}  // namespace trainbus
