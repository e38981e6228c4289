#include "hub.hpp"

#include "curve_json.hpp"
#include "json_text.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

bool concerns_everybody(Kind kind) {
  return kind == v1::KIND_STATUS || kind == v1::KIND_COMMAND || kind == v1::KIND_ALERT;
}

std::uint64_t rejected_total(const ConsumerCounters& counters) {
  std::uint64_t total = 0;
  for (const auto& [reason, count] : counters.rejected)
    total += count;
  return total;
}

Outgoing text_message(std::string text) { return {std::make_shared<const std::string>(std::move(text)), false}; }

}  // namespace

// A browser that cannot take what is sent leaves: the next one is looked up before.
template <class Send>
void Hub::for_each_browser(Send send) {
  for (auto at = browsers_.begin(); at != browsers_.end();) {
    const Browser& browser = (at++)->second;
    send(browser);
  }
}

Moment Hub::moment() const { return {even_unix_ms(), model_.bus.connected}; }

void Hub::publish(const BusBatch& batch) {
  model_.bus = batch.state;
  const auto now_ms = even_unix_ms();
  bool superseded = false;
  for (const auto& record : batch.records) {
    const bool past_changed = model_.apply(*record, now_ms);
    superseded |= past_changed;
    if (record->topic.kind == v1::KIND_HEARTBEAT || browsers_.empty()) continue;
    const std::string session_id = record->topic.session.id();
    if (record->topic.kind == v1::KIND_MEDIA) {
      fresh_media_.insert(session_id);
    } else if (past_changed || record->from_history) {
      stale_.insert(session_id);
    } else {
      send(record, session_id);
    }
  }
  if (superseded) send_resets();
}

void Hub::send(const std::shared_ptr<const Record>& record, const std::string& session_id) {
  const bool to_all = concerns_everybody(record->topic.kind);
  const std::shared_ptr<const std::string> bytes(record, &record->bytes);
  for_each_browser([&](const Browser& browser) {
    if (to_all || browser.watched == session_id) browser.session->keep({bytes, true});
  });
}

void Hub::send_resets() {
  for_each_browser([&](const Browser& browser) {
    if (!stale_.contains(browser.watched)) return;
    const auto name = parse_session_id(browser.watched);
    std::string text;
    JsonObject(text).add("type", "reset").add("run", name->run).add("trainer", name->trainer);
    browser.session->keep(text_message(std::move(text)));
  });
  stale_.clear();
}

// A megabyte each: a browser is told that there are new ones, and fetches what it shows.
void Hub::send_media_news() {
  for_each_browser([&](const Browser& browser) {
    if (!fresh_media_.contains(browser.watched)) return;
    const auto name = parse_session_id(browser.watched);
    std::string text;
    JsonObject(text).add("type", "media").add("run", name->run).add("trainer", name->trainer);
    browser.session->keep(text_message(std::move(text)));
  });
  fresh_media_.clear();
}

void Hub::show_overview() {
  send_resets();
  send_media_news();
  if (browsers_.empty()) return;
  const Text text = overview();
  for_each_browser([&](const Browser& browser) { browser.session->show_overview(text); });
}

BusModel::Troubles Hub::troubles() const {
  auto troubles = model_.troubles();
  if (!model_.bus.port_trouble.empty())
    troubles["dashboard"] = {"port_silent", model_.bus.port_trouble, model_.bus.port_trouble_since_ms};
  return troubles;
}

Hub::Text Hub::overview() const {
  const Moment now = moment();
  std::string text;
  {
    JsonObject object(text);
    object.add("type", "trainers").add("server_time_ms", now.now_ms);
    object.add("broker_connected", now.broker_connected).add("caught_up", model_.bus.caught_up);
    object.add("records_total", model_.bus.counters.received);
    object.add("rejected_total", rejected_total(model_.bus.counters));
    append_json_array(object.key("troubles"), troubles(), [&](const auto& entry) {
      const auto& [program, trouble] = entry;
      JsonObject(text)
          .add("program", program)
          .add("rule", trouble.rule)
          .add("message", trouble.message)
          .add("since_ms", trouble.since_ms);
    });
    append_json_array(object.key("trainers"), model_.trainers(), [&](const auto& entry) {
      const TrainerModel& trainer = entry.second;
      append_trainer(text, trainer, now, tiles_.watched(trainer.view().session()), TrainerDetail::kOverview);
      append_beside(text, trainer, now, TrainerDetail::kOverview);
    });
  }
  return std::make_shared<const std::string>(std::move(text));
}

void Hub::goodbye(std::string_view reason) {
  for_each_browser([&](const Browser& browser) {
    const auto session = browser.session;
    session->bye(reason);
  });
}

void Hub::join(const std::shared_ptr<WsSession>& session) {
  ++counters_.opened;
  browsers_[session.get()] = {session, {}};
  std::string hello;
  JsonObject(hello)
      .add("type", "hello")
      .add("version", version())
      .add("broker", broker_)
      .add("server_time_ms", unix_ms());
  session->keep(text_message(std::move(hello)));
  session->show_overview(overview());
}

void Hub::leave(WsSession& session) {
  tiles_.unwatch(session);
  browsers_.erase(&session);
}

void Hub::watch(WsSession& session, const WatchRequest& request) {
  const auto browser = browsers_.find(&session);
  if (browser == browsers_.end()) return;
  browser->second.watched = request.session ? request.session->id() : std::string{};
  if (request.session) session.keep({history(request), false});
}

void Hub::watch_tiles(WsSession& session, const TilesRequest& request) {
  if (request.session) {
    tiles_.watch(session, *request.session, {request.max_rate_hz, request.max_pixels});
  } else {
    tiles_.unwatch(session);
  }
}

Hub::Text Hub::history(const WatchRequest& request) const {
  const SessionName& session = *request.session;
  const TrainerModel* trainer = model_.find(session);
  std::string text;
  {
    JsonObject object(text);
    object.add("type", "history").add("run", session.run).add("trainer", session.trainer);
    std::string& info = object.key("trainer_info");
    if (trainer == nullptr) {
      info += "null";
    } else {
      append_trainer(info, *trainer, moment(), tiles_.watched(session), TrainerDetail::kAll);
    }
    append_curves(object.key("series"), trainer == nullptr ? nullptr : &trainer->curves(), request.max_points);
    if (trainer != nullptr) {
      object.add("names_left_out", trainer->curves().names_left_out());
      append_incarnations(object.key("incarnations"), trainer->curves().placement());
    }
    static const std::deque<std::string> kNoEvents;
    append_json_array(object.key("events"), trainer == nullptr ? kNoEvents : trainer->events(),
                      [&](const std::string& event) { text += event; });
  }
  return std::make_shared<const std::string>(std::move(text));
}

void Hub::count_sent(const Outgoing& message) {
  ++counters_.sent_messages;
  counters_.sent_bytes += message.bytes->size();
}

}  // namespace trainbus
