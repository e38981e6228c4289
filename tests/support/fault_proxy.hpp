#pragma once
// A bad network between a broker and its peers: a TCP proxy for the broker's three ports, whose faults are switched by
// the test. One thread owns every socket; the switches may be thrown from any thread.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <list>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "trainbus/endpoints.hpp"

namespace trainbus::test {

class FaultProxy {
 public:
  enum class Direction { kToBroker, kFromBroker };

  explicit FaultProxy(const Endpoints& broker) : broker_port_(broker.base_port) {
    std::mt19937 random(std::random_device{}());
    std::uniform_int_distribution<int> port(10'000, 29'999);
    for (int attempt = 0; attempt < 200 && !listening_; ++attempt)
      listening_ = listen_on(port(random));
    if (!listening_) throw std::runtime_error("no three free ports");
    thread_ = std::thread([this] { run(); });
  }
  ~FaultProxy() {
    running_ = false;
    thread_.join();
    for (auto& link : links_)
      close_link(link, false);
    for (const int fd : listeners_)
      close(fd);
  }
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  std::string address() const { return "tcp://127.0.0.1:" + std::to_string(port_); }

  // Ends every connection with a reset; the next are let through.
  void reset_all() { reset_ = true; }
  // Lets `bytes` more through in each connection's direction to the broker, then resets it: in the middle of a frame.
  void cut_after(std::size_t bytes) { cut_after_ = bytes; }
  // Bytes in that direction stay where they are; connections stay open.
  void stall(Direction direction, bool on) { (direction == Direction::kToBroker ? stall_to_ : stall_from_) = on; }
  // Every connection is reset, and so is each new one, until it is off again.
  void cut(bool on) { cut_ = on; }
  // The same for one of the three ports: 0 data in, 1 data out, 2 control.
  void cut_port(std::size_t port, bool on) {
    port_cut_.at(port) = on;
    cut_some_ = true;
  }
  // Connections that are open at one of the ports.
  int connections(std::size_t port) const { return connections_.at(port); }
  // Nothing gets through in either direction, new connections included, and nobody is told.
  void blackGap(bool on) { blackGap_ = on; }
  // At most so many bytes a second in each direction of each connection; 0: no limit.
  void throttle(std::size_t bytes_per_second) { bytes_per_second_ = bytes_per_second; }

  std::uint64_t bytes_through() const { return bytes_through_; }

 private:
  static constexpr std::size_t kPipeBytes = 64 << 10;
  static constexpr auto kTick = std::chrono::milliseconds(10);

  struct Pipe {
    int from = -1;
    int to = -1;
    bool to_broker = false;
    std::string waiting;
    std::size_t budget = 0;  // of this tick, when throttled
  };
  struct Link {
    std::array<Pipe, 2> pipes;
    std::size_t port = 0;
    std::size_t cut_left = SIZE_MAX;
    bool broken = false;
  };

  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }

  bool listen_on(int port) {
    for (int i = 0; i < 3; ++i) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int on = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      const auto address = loopback(port + i);
      listeners_.push_back(fd);
      if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && listen(fd, 1024) == 0) continue;
      for (const int each : listeners_)
        close(each);
      listeners_.clear();
      return false;
    }
    port_ = port;
    return true;
  }

  void run() {
    auto next_tick = std::chrono::steady_clock::now();
    while (running_) {
      if (std::chrono::steady_clock::now() >= next_tick) {
        next_tick += kTick;
        refill();
      }
      if (reset_.exchange(false) || cut_) break_all();
      if (cut_some_.exchange(false))
        for (auto& link : links_)
          link.broken = link.broken || port_cut_[link.port];
      if (const auto cut = cut_after_.exchange(0); cut != 0)
        for (auto& link : links_)
          link.cut_left = cut;
      wait();
      if (!blackGap_) accept_all();
      for (auto& link : links_)
        for (auto& pipe : link.pipes)
          pump(link, pipe);
      for (auto link = links_.begin(); link != links_.end();) {
        if (link->broken) close_link(*link, true);
        if (link->broken) --connections_[link->port];
        link = link->broken ? links_.erase(link) : std::next(link);
      }
    }
  }

  void wait() {
    std::vector<pollfd> fds;
    if (!blackGap_)
      for (const int fd : listeners_)
        fds.push_back({fd, POLLIN, 0});
    for (auto& link : links_)
      for (auto& pipe : link.pipes) {
        if (held(pipe)) continue;
        if (pipe.waiting.size() < kPipeBytes) fds.push_back({pipe.from, POLLIN, 0});
        if (!pipe.waiting.empty() && pipe.budget > 0) fds.push_back({pipe.to, POLLOUT, 0});
      }
    poll(fds.data(), fds.size(), static_cast<int>(kTick.count()));
  }

  bool held(const Pipe& pipe) const { return blackGap_ || (pipe.to_broker ? stall_to_ : stall_from_); }

  void refill() {
    const std::size_t limit = bytes_per_second_;
    const std::size_t budget = limit == 0 ? SIZE_MAX : std::max<std::size_t>(1, limit * kTick.count() / 1000);
    for (auto& link : links_)
      for (auto& pipe : link.pipes)
        pipe.budget = budget;
  }

  void accept_all() {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      for (int client; (client = accept4(listeners_[i], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto address = loopback(broker_port_ + static_cast<int>(i));
        if (port_cut_[i] || connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
          close(server);
          close(client);
          continue;
        }
        fcntl(server, F_SETFL, O_NONBLOCK);
        links_.push_back(
            Link{{Pipe{client, server, true, {}, SIZE_MAX}, Pipe{server, client, false, {}, SIZE_MAX}}, i});
        ++connections_[i];
      }
    }
  }

  void pump(Link& link, Pipe& pipe) {
    if (link.broken || held(pipe)) return;
    char buffer[16 << 10];
    if (pipe.waiting.size() < kPipeBytes) {
      const auto count = recv(pipe.from, buffer, sizeof buffer, 0);
      if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
        link.broken = true;
        return;
      }
      if (count > 0) pipe.waiting.append(buffer, static_cast<std::size_t>(count));
    }
    auto size = std::min(pipe.waiting.size(), pipe.budget);
    if (pipe.to_broker) size = std::min(size, link.cut_left);
    if (size > 0) {
      const auto count = send(pipe.to, pipe.waiting.data(), size, MSG_NOSIGNAL);
      if (count > 0) {
        const auto sent = static_cast<std::size_t>(count);
        pipe.waiting.erase(0, sent);
        bytes_through_ += sent;
        if (pipe.budget != SIZE_MAX) pipe.budget -= sent;
        if (pipe.to_broker && link.cut_left != SIZE_MAX) link.cut_left -= sent;
      } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
        link.broken = true;
      }
    }
    if (pipe.to_broker && link.cut_left == 0) link.broken = true;
  }

  void break_all() {
    for (auto& link : links_)
      link.broken = true;
  }

  static void close_link(Link& link, bool with_reset) {
    for (auto& pipe : link.pipes) {
      const linger hard{1, 0};
      if (with_reset) setsockopt(pipe.from, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      close(pipe.from);
    }
  }

  const int broker_port_;
  int port_ = 0;
  bool listening_ = false;
  std::vector<int> listeners_;
  std::list<Link> links_;
  std::atomic<bool> running_{true}, reset_{false}, cut_{false}, stall_to_{false}, stall_from_{false}, blackGap_{false};
  std::array<std::atomic<bool>, 3> port_cut_{};
  std::array<std::atomic<int>, 3> connections_{};
  std::atomic<bool> cut_some_{false};
  std::atomic<std::size_t> cut_after_{0}, bytes_per_second_{0};
  std::atomic<std::uint64_t> bytes_through_{0};
  std::thread thread_;
};

}  // namespace trainbus::test
