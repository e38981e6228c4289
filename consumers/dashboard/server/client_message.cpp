#include "client_message.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace trainbus {
namespace {

using nlohmann::json;

// The member as a number in [low, high]; `otherwise` when absent.
std::optional<double> number(const json& message, const char* name, double otherwise, double low, double high) {
  const auto found = message.find(name);
  if (found == message.end()) return otherwise;
  if (!found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  if (!(value >= low && value <= high)) return std::nullopt;
  return value;
}

std::string text(const json& message, const char* name) {
  const auto found = message.find(name);
  return found != message.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// False when there are names outside the grammar; no names at all mean no session.
bool read_session(const json& message, std::optional<SessionName>& session) {
  if (!message.contains("run") && !message.contains("trainer")) return true;
  SessionName name{text(message, "run"), text(message, "trainer")};
  if (!valid_name(name.run) || !valid_name(name.trainer)) return false;
  session = std::move(name);
  return true;
}

ClientMessage read_list(const json& message) {
  ListRequest request;
  const auto columns = message.find("columns");
  if (columns == message.end()) return request;
  if (!columns->is_array() || columns->size() > kMaxColumns)
    return BadMessage{"list: columns must be at most 32 names"};
  for (const auto& column : *columns) {
    if (!column.is_string()) return BadMessage{"list: a column must be a text"};
    auto name = column.get<std::string>();
    if (!name.starts_with("value:") && !name.starts_with("parameter:"))
      return BadMessage{"list: a column must be value:NAME or parameter:NAME"};
    request.columns.insert(std::move(name));
  }
  return request;
}

ClientMessage read_watch(const json& message) {
  WatchRequest request;
  if (!read_session(message, request.session)) return BadMessage{"watch: run and trainer must be names"};
  const auto max_points = number(message, "max_points", 2000, 4, 10'000);
  if (!max_points) return BadMessage{"watch: max_points must be 4 to 10000"};
  request.max_points = static_cast<std::size_t>(*max_points);
  return request;
}

ClientMessage read_tiles(const json& message) {
  TilesRequest request;
  if (!read_session(message, request.session)) return BadMessage{"tiles: run and trainer must be names"};
  const auto credit = number(message, "credit", 3, 1, kMaxTileCredit);
  const auto max_rate_hz = number(message, "max_rate_hz", 60, 0.001, 240);
  if (!credit) return BadMessage{"tiles: credit must be 1 to 64"};
  if (!max_rate_hz) return BadMessage{"tiles: max_rate_hz must be above 0 and at most 240"};
  const auto max_pixels = number(message, "max_pixels", 0, 0, 4096);
  if (!max_pixels || (*max_pixels > 0 && *max_pixels < 8))
    return BadMessage{"tiles: max_pixels must be 8 to 4096, or 0"};
  request.credit = static_cast<int>(*credit);
  request.max_rate_hz = *max_rate_hz;
  request.max_pixels = static_cast<int>(*max_pixels);
  return request;
}

}  // namespace

ClientMessage parse_client_message(std::string_view bytes) {
  const json message = json::parse(bytes, nullptr, false);
  if (!message.is_object()) return BadMessage{"not a JSON object"};
  const std::string type = text(message, "type");
  if (type == "list") return read_list(message);
  if (type == "watch") return read_watch(message);
  if (type == "tiles") return read_tiles(message);
  if (type == "credit") {
    const auto n = number(message, "n", 1, 1, kMaxTileCredit);
    if (!n) return BadMessage{"credit: n must be 1 to 64"};
    return CreditGrant{static_cast<int>(*n)};
  }
  return BadMessage{"type must be list, watch, tiles or credit"};
}

}  // namespace trainbus
