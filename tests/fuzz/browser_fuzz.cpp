// Any bytes as what a browser says on the WebSocket and as the target of a request: understood within its limits, or
// refused.
#include <cmath>

#include "consumers/dashboard/server/client_message.hpp"
#include "consumers/dashboard/server/request_target.hpp"
#include "tests/fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const auto bytes = fuzz::view(data, size);
  const ClientMessage message = parse_client_message(bytes);
  const auto named = [](const auto& session) { return !session || parse_session_id(session->id()); };
  if (const auto* list = std::get_if<ListRequest>(&message)) fuzz::require(list->columns.size() <= kMaxColumns);
  if (const auto* watch = std::get_if<WatchRequest>(&message))
    fuzz::require(named(watch->session) && watch->max_points >= 4 && watch->max_points <= 10'000);
  if (const auto* tiles = std::get_if<TilesRequest>(&message))
    fuzz::require(named(tiles->session) && tiles->credit >= 1 && tiles->credit <= kMaxTileCredit &&
                  tiles->max_rate_hz > 0 && tiles->max_rate_hz <= 240);
  if (const auto* grant = std::get_if<CreditGrant>(&message))
    fuzz::require(grant->n >= 1 && grant->n <= kMaxTileCredit);
  if (const auto target = parse_target(bytes)) {
    fuzz::require(target->path.starts_with('/'));
    for (const auto& segment : target->segments)
      fuzz::require(segment != "." && segment != ".." && segment.find('/') == std::string::npos);
    for (const auto& [name, value] : target->query)
      if (const auto number = target->number(name, 0)) fuzz::require(std::isfinite(*number));
  }
  return 0;
}
