#pragma once
// The text messages of the WebSocket, as README.md lists them, each one JSON object. page/src/protocol.ts reads them;
// tests/schema/page_messages.txt has one of each, which both sides are tested against. Pure.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bus_model.hpp"
#include "trainer_json.hpp"
#include "trainer_list.hpp"

namespace trainbus {

std::string hello_message(std::string_view version, std::string_view broker, std::int64_t server_time_ms);
std::string bus_message(const BusState& bus, const BusModel::Troubles& troubles, const Moment& now);
struct ListMessage {
  std::string text;
  std::size_t changes = 0;  // rows that changed or went
};
ListMessage list_message(const TrainerList& list, TrainerList::Tick since, const ListColumns& columns);
// `trainer` nullptr: nobody by this name was heard of.
std::string history_message(const SessionName& session, const TrainerModel* trainer, const Moment& now,
                            bool watched_tiles, std::size_t max_points);
std::string reset_message(const SessionName& session);  // the curves changed: ask again
std::string media_message(const SessionName& session);  // there are new media
std::string bye_message(std::string_view reason);

}  // namespace trainbus
