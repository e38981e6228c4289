#include "connection_book.hpp"

#include <algorithm>
#include <utility>

namespace trainbus {

struct ConnectionBook::Entry {
  std::string client;
  bool web_socket = false;
  bool idle = false;
  bool ending = false;
  std::function<void()> end = {};
};

struct ConnectionBook::State {
  ConnectionBounds bounds;
  ConnectionCounters counters;
  std::map<std::uint64_t, Entry> entries;  // in the order of arrival
  std::uint64_t last_id = 0;

  template <class Counts>
  std::size_t count(const Counts& counts) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries, [&](const auto& each) { return !each.second.ending && counts(each.second); }));
  }
  std::size_t web_sockets() const {
    return count([](const Entry& each) { return each.web_socket; });
  }
  std::size_t web_sockets_of(const std::string& client) const {
    return count([&](const Entry& each) { return each.web_socket && each.client == client; });
  }
  // The first that came of the idle ones that match; false when there is none.
  template <class Matches>
  bool end_first(const Matches& matches) {
    for (auto& [id, each] : entries) {
      if (each.ending || !each.idle || !each.end || !matches(each)) continue;
      each.ending = true;
      ++counters.made_way;
      const auto end = std::exchange(each.end, nullptr);
      end();  // may take the entry away
      return true;
    }
    return false;
  }
  bool end_a_request() {
    std::map<std::string, std::size_t> requests;
    for (const auto& [id, each] : entries)
      if (!each.ending && !each.web_socket) ++requests[each.client];
    std::size_t most_requests = 0;
    std::string most;
    for (const auto& [id, each] : entries)
      if (!each.ending && each.idle && !each.web_socket && requests[each.client] > most_requests) {
        most_requests = requests[each.client];
        most = each.client;
      }
    if (most_requests == 0) return false;
    return end_first([&](const Entry& each) { return !each.web_socket && each.client == most; });
  }
};

ConnectionBook::Place::~Place() { state_->entries.erase(id_); }
void ConnectionBook::Place::on_end(std::function<void()> end) { state_->entries[id_].end = std::move(end); }
void ConnectionBook::Place::set_idle(bool idle) { state_->entries[id_].idle = idle; }

std::string ConnectionBook::Place::become_web_socket() {
  State& state = *state_;
  Entry& own = state.entries[id_];
  const auto silent = [](const Entry& each) { return each.web_socket; };
  const auto of_client = [&](const Entry& each) { return each.web_socket && each.client == own.client; };
  const auto most = state.bounds.web_sockets_of_a_client();
  if (state.web_sockets_of(own.client) >= most && !state.end_first(of_client)) {
    ++state.counters.web_sockets_refused;
    return "too many WebSockets of " + own.client + ": " + std::to_string(most) + " at most";
  }
  if (state.web_sockets() >= state.bounds.web_sockets() && !state.end_first(silent)) {
    ++state.counters.web_sockets_refused;
    return "too many WebSockets: " + std::to_string(state.bounds.web_sockets()) + " at most";
  }
  own.web_socket = own.idle = true;
  own.end = nullptr;
  return {};
}

ConnectionBook::ConnectionBook(ConnectionBounds bounds) : state_(std::make_shared<State>()) { state_->bounds = bounds; }

ConnectionBook::Ticket ConnectionBook::enter(const std::string& client, bool& full) {
  full = current() >= state_->bounds.all && !state_->end_a_request();
  if (full) ++state_->counters.refused;
  const auto id = ++state_->last_id;
  state_->entries[id].client = client;
  return std::make_shared<Place>(state_, id);
}

std::size_t ConnectionBook::current() const {
  return state_->count([](const Entry&) { return true; });
}
std::size_t ConnectionBook::web_sockets() const { return state_->web_sockets(); }
const ConnectionBounds& ConnectionBook::bounds() const { return state_->bounds; }
const ConnectionCounters& ConnectionBook::counters() const { return state_->counters; }

}  // namespace trainbus
