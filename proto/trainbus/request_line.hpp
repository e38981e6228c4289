#pragma once
// The line of a log that is about one request: the same ID stands in the lines of every program that it goes through.
// Of a command it is the command's id.

#include <string>
#include <string_view>

#include "trainbus/topic.hpp"

namespace trainbus {

inline constexpr std::string_view kRequestBegin = " [request ";

// "WHAT [request ID]"; as JSON the ID is the member "request" and not in the message.
inline std::string request_line(std::string what, std::string_view id) {
  return what.append(kRequestBegin).append(id).append("]");
}

// Takes the ID off such a line; "" from any other.
inline std::string_view take_request_id(std::string_view& line) {
  const auto at = line.rfind(kRequestBegin);
  if (at == std::string_view::npos || !line.ends_with(']')) return {};
  const auto id = line.substr(at + kRequestBegin.size(), line.size() - at - kRequestBegin.size() - 1);
  if (!valid_name(id)) return {};
  line = line.substr(0, at);
  return id;
}

}  // namespace trainbus
