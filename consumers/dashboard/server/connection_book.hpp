#pragma once
// Who is connected: how many in all, how many WebSockets, how many of one client; and who gives its place to whom.
//
// Pure: no sockets. Single-threaded. A client is an address: 127.0.0.1 is one, however many people come through a
// tunnel, so a part is kept from any of them.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace trainbus {

// A WebSocket stays for hours, a request for milliseconds: a quarter is for requests alone.
struct ConnectionBounds {
  std::size_t all = 256;
  std::size_t web_sockets() const { return all > 1 ? all - (all + 3) / 4 : 1; }
  std::size_t web_sockets_of_a_client() const { return web_sockets() > 2 ? web_sockets() - web_sockets() / 3 : 1; }
};

struct ConnectionCounters {
  std::uint64_t refused = 0;              // connections: nobody could give way
  std::uint64_t web_sockets_refused = 0;  // and of these
  std::uint64_t made_way = 0;             // idle ones that were ended for others
};

class ConnectionBook {
  struct Entry;
  struct State;

 public:
  // One connection's place; free again when this is destroyed. May outlive the book.
  class Place {
   public:
    Place(std::shared_ptr<State> state, std::uint64_t id) : state_(std::move(state)), id_(id) {}
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    // How to end it, should another need the place while it is idle. Called at most once.
    void on_end(std::function<void()> end);
    // Idle: it waits for a request, or is a WebSocket that never said what it watches.
    void set_idle(bool idle);
    // Becomes a WebSocket; else the reason why it may not, in one line.
    [[nodiscard]] std::string become_web_socket();

   private:
    std::shared_ptr<State> state_;
    const std::uint64_t id_;
  };
  using Ticket = std::shared_ptr<Place>;

  explicit ConnectionBook(ConnectionBounds bounds);

  // A new connection. Past the bound the idle request connection that came first, of the client with most of them,
  // ends; when there is none, `full` is set: it is there to be refused.
  Ticket enter(const std::string& client, bool& full);

  std::size_t current() const;  // of all kinds, those that end not counted
  std::size_t web_sockets() const;
  const ConnectionBounds& bounds() const;
  const ConnectionCounters& counters() const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace trainbus
