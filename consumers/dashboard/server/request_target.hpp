#pragma once
// The path and the query of an HTTP request. Pure; hostile bytes give an empty optional.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus {

struct RequestTarget {
  std::string path;                   // decoded, without the query
  std::vector<std::string> segments;  // of the path: "/api/trainers" -> "api", "trainers"; "/" -> none
  std::map<std::string, std::string> query;

  // A query parameter as a number: `otherwise` when absent, empty when it is not a finite number.
  std::optional<double> number(const std::string& name, double otherwise) const;
};

// Empty when the target is not absolute, holds a broken escape or a byte outside printable ASCII, or "." or ".." as a
// segment. Escapes in the query may spell UTF-8 without control characters; '+' there is a space.
std::optional<RequestTarget> parse_target(std::string_view target);

}  // namespace trainbus
