#include "hub.hpp"

#include <algorithm>

#include "server_message.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

// A long list comes less often.
constexpr std::chrono::microseconds kPauseForARow{1000};
constexpr std::chrono::seconds kLongestPause{5};

bool concerns_the_list(Kind kind) { return kind == v1::KIND_COMMAND || kind == v1::KIND_ALERT; }

Outgoing text_message(std::string text) { return {std::make_shared<const std::string>(std::move(text)), false}; }

}  // namespace

// A browser that cannot take what is sent leaves: the next one is looked up before.
template <class Send>
void Hub::for_each_browser(Send send) {
  for (auto at = browsers_.begin(); at != browsers_.end();) {
    Browser& browser = (at++)->second;
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
  const bool listed = concerns_the_list(record->topic.kind);
  const std::shared_ptr<const std::string> bytes(record, &record->bytes);
  for_each_browser([&](const Browser& browser) {
    if ((listed && browser.list) || browser.watched == session_id) browser.session->keep({bytes, true});
  });
}

void Hub::send_resets() {
  for_each_browser([&](const Browser& browser) {
    if (!stale_.contains(browser.watched)) return;
    browser.session->keep(text_message(reset_message(*parse_session_id(browser.watched))));
  });
  stale_.clear();
}

// A megabyte each: a browser is told that there are new ones, and fetches what it shows.
void Hub::send_media_news() {
  for_each_browser([&](const Browser& browser) {
    if (!fresh_media_.contains(browser.watched)) return;
    browser.session->keep(text_message(media_message(*parse_session_id(browser.watched))));
  });
  fresh_media_.clear();
}

void Hub::show_lists() {
  send_resets();
  send_media_news();
  if (browsers_.empty()) return;
  const Outgoing bus = bus_text();
  for_each_browser([&](const Browser& browser) { browser.session->show_bus(bus); });
  const bool listed = std::ranges::any_of(browsers_, [](const auto& entry) { return entry.second.list.has_value(); });
  if (!listed) return;
  refresh_list();
  const auto now = Clock::now();
  for_each_browser([&](Browser& browser) {
    if (browser.list && now >= browser.list->due) show_list(browser, now);
  });
}

void Hub::refresh_list() {
  ListColumns columns;
  for (const auto& [session, browser] : browsers_)
    if (browser.list) columns.insert(browser.list->columns.begin(), browser.list->columns.end());
  list_.refresh(model_, moment(), columns);
  shared_.clear();
}

// What changed since this browser's last list; who reads slowly gets it in fewer and longer ones.
void Hub::show_list(Browser& browser, Clock::time_point now) {
  ListView& view = *browser.list;
  if (!browser.session->takes_list()) return;
  const SharedList& list = shared_list(view);
  const bool news = view.sent == 0 || list.changes > 0;
  view.sent = list_.tick();
  if (!news) return;
  view.due = now + std::min<Clock::duration>(list.changes * kPauseForARow, kLongestPause);
  browser.session->show_list({list.text, false, true});
}

const Hub::SharedList& Hub::shared_list(const ListView& view) {
  const auto found = std::ranges::find_if(
      shared_, [&](const SharedList& one) { return one.since == view.sent && one.columns == view.columns; });
  if (found != shared_.end()) return *found;
  auto made = list_message(list_, view.sent, view.columns);
  auto text = std::make_shared<const std::string>(std::move(made.text));
  return shared_.emplace_back(SharedList{view.sent, view.columns, std::move(text), made.changes});
}

BusModel::Troubles Hub::troubles() const {
  auto troubles = model_.troubles();
  if (!model_.bus.port_trouble.empty())
    troubles[{"dashboard", "port_silent"}] = {model_.bus.port_trouble, model_.bus.port_trouble_since_ms};
  if (!model_.history_trouble().message.empty()) troubles[{"dashboard", "history"}] = model_.history_trouble();
  if (const auto& storing = model_.storing_trouble(); !storing.message.empty() &&
                                                      !troubles.contains({"broker", "state_folder"}) &&
                                                      !troubles.contains({"broker", "journal_failing"}))
    troubles[{"broker", "journal_failing"}] = storing;
  return troubles;
}

Outgoing Hub::bus_text() const { return text_message(bus_message(model_.bus, troubles(), moment())); }

void Hub::goodbye(std::string_view reason) {
  for_each_browser([&](const Browser& browser) {
    const auto session = browser.session;
    session->bye(reason);
  });
}

void Hub::join(const std::shared_ptr<WsSession>& session) {
  ++counters_.opened;
  browsers_[session.get()] = {session, {}, {}};
  session->keep(text_message(hello_message(version(), broker_, unix_ms())));
  session->show_bus(bus_text());
}

void Hub::leave(WsSession& session) {
  tiles_.unwatch(session);
  browsers_.erase(&session);
}

// A whole one, at once.
void Hub::list(WsSession& session, const ListColumns& columns) {
  const auto browser = browsers_.find(&session);
  if (browser == browsers_.end()) return;
  browser->second.list = ListView{.columns = columns};
  refresh_list();
  show_list(browser->second, Clock::now());
}

void Hub::watch(WsSession& session, const WatchRequest& request) {
  const auto browser = browsers_.find(&session);
  if (browser == browsers_.end()) return;
  browser->second.watched = request.session ? request.session->id() : std::string{};
  if (!request.session) return;
  session.keep(history(request));
  on_watched(*request.session);
}

void Hub::watch_tiles(WsSession& session, const TilesRequest& request) {
  if (request.session) {
    tiles_.watch(session, *request.session, {request.max_rate_hz, request.max_pixels});
  } else {
    tiles_.unwatch(session);
  }
}

Outgoing Hub::history(const WatchRequest& request) const {
  const SessionName& session = *request.session;
  return text_message(
      history_message(session, model_.find(session), moment(), tiles_.watched(session), request.max_points));
}

void Hub::count_sent(const Outgoing& message) {
  ++counters_.sent_messages;
  counters_.sent_bytes += message.bytes->size();
}

}  // namespace trainbus
