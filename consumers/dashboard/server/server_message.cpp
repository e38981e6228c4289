#include "server_message.hpp"

#include "curve_json.hpp"
#include "json_text.hpp"

namespace trainbus {
namespace {

std::uint64_t rejected_total(const ConsumerCounters& counters) {
  std::uint64_t total = 0;
  for (const auto& [reason, count] : counters.rejected)
    total += count;
  return total;
}

std::string news_of(const char* type, const SessionName& session) {
  std::string text;
  JsonObject(text).add("type", type).add("run", session.run).add("trainer", session.trainer);
  return text;
}

}  // namespace

std::string hello_message(std::string_view version, std::string_view broker, std::int64_t server_time_ms) {
  std::string text;
  JsonObject(text)
      .add("type", "hello")
      .add("version", version)
      .add("broker", broker)
      .add("server_time_ms", server_time_ms);
  return text;
}

std::string bus_message(const BusState& bus, const BusModel::Troubles& troubles, const Moment& now) {
  std::string text;
  {  // closed before the text moves away
    JsonObject object(text);
    object.add("type", "bus").add("server_time_ms", now.now_ms).add("broker_connected", now.broker_connected);
    object.add("caught_up", bus.caught_up).add("records_total", bus.counters.received);
    object.add("rejected_total", rejected_total(bus.counters));
    append_json_array(object.key("troubles"), troubles, [&](const auto& entry) {
      const auto& [of, trouble] = entry;
      JsonObject(text)
          .add("program", of.first)
          .add("rule", of.second)
          .add("message", trouble.message)
          .add("since_ms", trouble.since_ms);
    });
  }
  return text;
}

ListMessage list_message(const TrainerList& list, TrainerList::Tick since, const ListColumns& columns) {
  ListMessage message{R"({"type":"list",)"};
  message.changes = list.append_changes(message.text, since, columns);
  message.text += '}';
  return message;
}

std::string history_message(const SessionName& session, const TrainerModel* trainer, const Moment& now,
                            bool watched_tiles, std::size_t max_points) {
  std::string text;
  {  // closed before the text moves away
    JsonObject object(text);
    object.add("type", "history").add("run", session.run).add("trainer", session.trainer);
    std::string& info = object.key("trainer_info");
    if (trainer == nullptr) {
      info += "null";
    } else {
      append_trainer(info, *trainer, now, watched_tiles, TrainerDetail::kAll);
    }
    append_curves(object.key("series"), trainer == nullptr ? nullptr : &trainer->curves(), max_points);
    if (trainer != nullptr) {
      object.add("names_left_out", trainer->curves().names_left_out());
      append_incarnations(object.key("incarnations"), trainer->curves().placement());
    }
    static const std::deque<std::string> kNoEvents;
    append_json_array(object.key("events"), trainer == nullptr ? kNoEvents : trainer->events(),
                      [&](const std::string& event) { text += event; });
  }
  return text;
}

std::string reset_message(const SessionName& session) { return news_of("reset", session); }
std::string media_message(const SessionName& session) { return news_of("media", session); }

std::string bye_message(std::string_view reason) {
  std::string text;
  JsonObject(text).add("type", "bye").add("reason", reason);
  return text;
}

}  // namespace trainbus
