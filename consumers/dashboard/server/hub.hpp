#pragma once
// Who watches what: takes in what the bus brings, and sends each browser its share. Messages are made once and shared.
// Belongs to the asio thread.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus_feed.hpp"
#include "bus_model.hpp"
#include "client_message.hpp"
#include "tile_stream.hpp"
#include "trainer_list.hpp"
#include "ws_session.hpp"

namespace trainbus {

struct HubCounters {
  std::uint64_t opened = 0;
  std::uint64_t slow_readers = 0;  // cut because their queue was full
  std::uint64_t bad_messages = 0;  // cut because they sent nonsense
  std::uint64_t sent_messages = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t dropped_tiles = 0;  // a newer batch replaced one that a browser gave no credit for
};

class Hub {
 public:
  Hub(BusModel& model, TileStream& tiles, std::string broker)
      : model_(model), tiles_(tiles), broker_(std::move(broker)) {}

  // What the bus brought goes into the model and to those who watch it. A record from the journal changes the past: its
  // watchers are told to ask again, at the next list.
  void publish(const BusBatch& batch);
  // To be called twice a second.
  void show_lists();
  // Everybody is told why, and sent away.
  void goodbye(std::string_view reason);

  // Called with each trainer that a browser begins to watch, which has then been sent what is known of it.
  std::function<void(const SessionName&)> on_watched = [](const SessionName&) {};

  std::size_t browsers() const { return browsers_.size(); }
  const HubCounters& counters() const { return counters_; }
  Moment moment() const;

  // For the sessions.
  void join(const std::shared_ptr<WsSession>& session);
  void leave(WsSession& session);
  void list(WsSession& session, const ListColumns& columns);
  void watch(WsSession& session, const WatchRequest& request);
  void watch_tiles(WsSession& session, const TilesRequest& request);
  void count_slow_reader() { ++counters_.slow_readers; }
  void count_bad_message() { ++counters_.bad_messages; }
  void count_dropped_tiles() { ++counters_.dropped_tiles; }
  void count_sent(const Outgoing& message);

 private:
  using Text = std::shared_ptr<const std::string>;
  using Clock = std::chrono::steady_clock;
  // The list of one browser.
  struct ListView {
    ListColumns columns;
    TrainerList::Tick sent = 0;
    Clock::time_point due = {};
  };
  struct Browser {
    std::shared_ptr<WsSession> session;
    std::string watched;           // session id; "": none
    std::optional<ListView> list;  // empty: it did not ask for the list
  };

  // Made for one browser, and for every other that has the same list.
  struct SharedList {
    TrainerList::Tick since = 0;
    ListColumns columns;
    Text text;
    std::size_t changes = 0;
  };

  template <class Send>
  void for_each_browser(Send send);
  void send(const std::shared_ptr<const Record>& record, const std::string& session_id);
  void send_resets();
  void send_media_news();
  void refresh_list();
  void show_list(Browser& browser, Clock::time_point now);
  const SharedList& shared_list(const ListView& view);
  Outgoing bus_text() const;
  BusModel::Troubles troubles() const;  // of the bus's programs, and this one's own
  Outgoing history(const WatchRequest& request) const;

  BusModel& model_;
  TileStream& tiles_;
  const std::string broker_;
  TrainerList list_;
  std::vector<SharedList> shared_;  // of list_.tick()
  std::map<WsSession*, Browser> browsers_;
  std::set<std::string> stale_;        // session ids whose watchers must ask again
  std::set<std::string> fresh_media_;  // session ids whose watchers are told that there are new media
  HubCounters counters_;
};

}  // namespace trainbus
