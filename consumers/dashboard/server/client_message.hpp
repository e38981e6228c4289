#pragma once
// What a browser says on the WebSocket, or why it makes no sense. Pure; any bytes are safe.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "list_columns.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

inline constexpr int kMaxTileCredit = 64;  // unanswered tile messages, at most

struct ListRequest {
  ListColumns columns;  // kMaxColumns at most, each a "value:NAME" or a "parameter:NAME"
};
struct WatchRequest {
  std::optional<SessionName> session;  // empty: none
  std::size_t max_points = 2000;       // 4..10000: a history of all curves is then 4 MB
};
struct TilesRequest {
  std::optional<SessionName> session;  // empty: none
  int credit = 3;                      // 1..kMaxTileCredit
  double max_rate_hz = 60;             // above 0, at most 240
  int max_pixels = 0;                  // longer side of a tile that is of use, 8..4096; 0: no limit stated
};
struct CreditGrant {
  int n = 1;  // 1..kMaxTileCredit
};
struct BadMessage {
  std::string why;  // one line
};
using ClientMessage = std::variant<ListRequest, WatchRequest, TilesRequest, CreditGrant, BadMessage>;

ClientMessage parse_client_message(std::string_view text);

}  // namespace trainbus
