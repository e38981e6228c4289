#include "broker/connection_watch.hpp"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "broker/accept_gate.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

// Not the failed handshakes: libzmq 4.3.4 tells of a message that it cannot decrypt by the same event, which overwrites
// the errno by which it would end the connection. That stays open for ever, and ends the process at its next ping.
constexpr int kEvents =
    ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_ACCEPT_FAILED;
constexpr std::int64_t kHandshakeMs = 11'000;  // and it is over: ZMQ_HANDSHAKE_IVL is 10 s
constexpr std::size_t kVisitsAtOnce = 64;
constexpr std::int64_t kFreeEveryMs = 2'000;  // and whenever memory grew by kGrowth
constexpr std::size_t kGrowth = 16 << 20;
constexpr std::int64_t kArrivesWithinMs = 50;  // a message that is on its way beside others, where memory is short
// A message in honest frames, or a request, takes its bytes twice at most: as it came, and as its fields.
constexpr std::uint64_t kHonestMemory = 2;
constexpr std::uint64_t kMaxHonestBytes = 64 << 20;  // on their way at once
constexpr std::uint64_t kRounds = 2;                 // libzmq reads the connections of a port in turn
constexpr std::int64_t kMinuteMs = 60'000;
constexpr std::int64_t kSayEveryMs = 60'000;

// What one message may have, with room for the pings of others in between.
constexpr std::array<std::uint64_t, 3> kMaxMessage = {kMaxTilesBytes + (1 << 20), 4 << 20, 2 * kMaxRecordBytes};

// What libzmq has read of a connection; nothing where there is none.
std::optional<std::uint64_t> bytes_read(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  int unread = 0;
  if (ioctl(fd, SIOCINQ, &unread) != 0) unread = 0;
  return info.tcpi_bytes_received - std::min<std::uint64_t>(info.tcpi_bytes_received, std::max(0, unread));
}

struct Peer {
  std::string address, port;  // "": it has gone
};

Peer peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(), port.data(), port.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  return {host.data(), port.data()};
}

// Of this process, in bytes.
std::size_t resident_memory() {
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[128] = {};
  const auto count = read(fd, text, sizeof text - 1);
  close(fd);
  unsigned long total = 0, resident = 0;
  if (count <= 0 || std::sscanf(text, "%lu %lu", &total, &resident) != 2) return 0;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

ConnectionWatch::ConnectionWatch(zmq::context_t& context, BoundSockets& sockets) {
  const std::array<std::pair<zmq::socket_t*, const char*>, 3> watched = {{{&sockets.xsub, "inproc://watch-data-in"},
                                                                          {&sockets.xpub, "inproc://watch-data-out"},
                                                                          {&sockets.router, "inproc://watch-control"}}};
  for (std::size_t i = 0; i < watched.size(); ++i) {
    const auto [socket, name] = watched[i];
    if (zmq_socket_monitor(socket->handle(), name, kEvents) != 0) throw zmq::error_t();
    monitors_[i].of = socket;
    monitors_[i].events = zmq::socket_t(context, zmq::socket_type::pair);
    monitors_[i].events.set(zmq::sockopt::rcvhwm, 0);  // a full queue would stop the thread that takes connections
    monitors_[i].events.set(zmq::sockopt::linger, 0);
    monitors_[i].events.connect(name);
  }
}

ConnectionWatch::~ConnectionWatch() {
  for (auto& monitor : monitors_)
    zmq_socket_monitor(monitor.of->handle(), nullptr, 0);
}

void ConnectionWatch::look(std::int64_t now_ms, std::size_t request_bytes) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookEveryMs;
  for (const auto port : {Port::kDataIn, Port::kDataOut, Port::kControl})
    read_events(port, now_ms);
  visit_some(now_ms);
  free_memory(now_ms, request_bytes);
}

// The first frame of an event is its number (16 bits) and its value (32 bits): a descriptor, or an error.
void ConnectionWatch::read_events(Port port, std::int64_t now_ms) {
  Monitor& monitor = monitors_[static_cast<std::size_t>(port)];
  zmq::message_t what, where;
  while (monitor.events.recv(what, zmq::recv_flags::dontwait) && monitor.events.recv(where, zmq::recv_flags::none)) {
    std::uint16_t event = 0;
    std::int32_t value = 0;
    if (what.size() < sizeof event + sizeof value) continue;
    std::memcpy(&event, what.data(), sizeof event);
    std::memcpy(&value, static_cast<const char*>(what.data()) + sizeof event, sizeof value);
    if (event == ZMQ_EVENT_ACCEPT_FAILED) {
      accepts_failed_ += value == EMFILE || value == ENFILE ? 1 : 0;
      continue;
    }
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {  // of which connection is not said
      ++handshakes_done_;
      continue;
    }
    if (value < 0) continue;
    const auto fd = static_cast<std::size_t>(value);
    if (fd >= connections_.size()) connections_.resize(fd + 1);
    Connection& connection = connections_[fd];
    if (event == ZMQ_EVENT_ACCEPTED) {
      if (connection.open) closed(connection);  // its end was not told yet
      AcceptGate::forget(value);
      // A message may be heard before this is; or the connection that had the descriptor before spoke last.
      const bool reused = std::ranges::find(closed_now_, fd) != closed_now_.end();
      connection = {.open = true,
                    .may_shake_hands = true,
                    .spoke = connection.spoke,
                    .ever_spoke = connection.spoke && !reused,
                    .sender = connection.open ? nullptr : connection.sender,
                    .port = port,
                    .since_ms = now_ms,
                    .number = ++accepted_,
                    .base_ms = now_ms};
      ++open_[static_cast<std::size_t>(port)];
      ++may_shake_hands_;
    } else if (connection.open && connection.port == port) {
      closed(connection);
      closed_now_.push_back(fd);
    }
  }
  // What is still closed was heard before it ended: who gets the descriptor next has said nothing.
  for (const auto fd : closed_now_)
    if (!connections_[fd].open) connections_[fd].spoke = false;
  closed_now_.clear();
  count_failed_handshakes();
}

// Who came and neither succeeded nor may still do so.
void ConnectionWatch::count_failed_handshakes() {
  const auto over = static_cast<std::int64_t>(accepted_ - handshakes_done_) - may_shake_hands_;
  handshakes_failed_ = std::max(handshakes_failed_, static_cast<std::uint64_t>(std::max<std::int64_t>(over, 0)));
}

void ConnectionWatch::closed(Connection& connection) {
  --open_[static_cast<std::size_t>(connection.port)];
  greeted_ -= connection.greeted ? 1 : 0;
  may_shake_hands_ -= connection.may_shake_hands ? 1 : 0;
  connection = {.spoke = connection.spoke};
}

std::uint64_t ConnectionWatch::number_of(int fd) {
  read_events(Port::kControl, steady_ms());  // what is asked about may have come a moment ago
  const auto place = static_cast<std::size_t>(fd);
  return fd >= 0 && place < connections_.size() && connections_[place].open ? connections_[place].number : 0;
}

void ConnectionWatch::set_greeted(int fd) {
  if (number_of(fd) == 0) return;
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  greeted_ += std::exchange(connection.greeted, true) ? 0 : 1;
}

void ConnectionWatch::visit(std::size_t fd, std::int64_t now_ms) {
  Connection& connection = connections_[fd];
  const auto port = static_cast<std::size_t>(connection.port);
  const auto read = bytes_read(static_cast<int>(fd));
  if (!read) return closed(connection);  // with its listener, of which libzmq tells nothing
  const auto bytes = *read;
  if (connection.may_shake_hands && (connection.ever_spoke || now_ms - connection.since_ms > kHandshakeMs)) {
    connection.may_shake_hands = false;
    --may_shake_hands_;
  }
  if (std::exchange(connection.spoke, false) || bytes < connection.base) {
    connection.base = bytes;
    connection.base_ms = now_ms;
    connection.seen = connection.unfinished = 0;
  }
  const auto pings = kPingBytesPerSecond * static_cast<std::uint64_t>(now_ms - connection.base_ms) / 1000;
  const auto bytes_of_it = bytes - connection.base - std::min(bytes - connection.base, pings);
  if (was_read_since(connection)) connection.unfinished = connection.seen;
  if (connection.unfinished == connection.seen) {
    connection.seen = bytes_of_it;
    connection.seen_drained = drained_[port];
    connection.seen_messages = messages_[port];
  }
  unfinished_of_round_ += connection.unfinished;
  if (connection.unfinished > kMaxMessage[port])
    cut_unfinished_one(fd, "more than any message may have");
  else if (connection.unfinished > kUnfinishedBytes && now_ms - connection.base_ms > kUnfinishedMs &&
           connection.port != Port::kDataOut)  // a subscription that others have, too, is never heard of
    cut_unfinished_one(fd, "and no message of it was complete for long");
}

// Its port was read empty since then, or its turn came more than once, and none of it was a message. How long that took
// says nothing: a large request keeps the broker from the others.
bool ConnectionWatch::was_read_since(const Connection& connection) const {
  const auto port = static_cast<std::size_t>(connection.port);
  return drained_[port] > connection.seen_drained ||
         messages_[port] - connection.seen_messages > kRounds * open_[port] + kVisitsAtOnce;
}

// A round over all connections, some at a time.
void ConnectionWatch::visit_some(std::int64_t now_ms) {
  const std::size_t count = std::min(kVisitsAtOnce, connections_.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (next_visit_ >= connections_.size()) {
      next_visit_ = 0;
      unfinished_bytes_ = std::exchange(unfinished_of_round_, 0);
    }
    if (connections_[next_visit_].open) visit(next_visit_, now_ms);
    ++next_visit_;
  }
}

void ConnectionWatch::visit_all(std::int64_t now_ms) {
  next_visit_ = 0;
  unfinished_of_round_ = 0;
  for (std::size_t fd = 0; fd < connections_.size(); ++fd)
    if (connections_[fd].open) visit(fd, now_ms);
  unfinished_bytes_ = std::exchange(unfinished_of_round_, 0);
}

// The memory of this process grew by more than requests at work and messages of honest frames take: those with most
// unfinished go until what is left is little.
void ConnectionWatch::free_memory(std::int64_t now_ms, std::size_t request_bytes) {
  const auto memory = resident_memory();
  if (now_ms >= next_minute_ms_) {
    next_minute_ms_ = now_ms + kMinuteMs;
    least_memory_ = {memory, least_memory_[0]};
    most_of_requests_ = {request_bytes, most_of_requests_[0]};
  }
  least_memory_[0] = std::min(least_memory_[0], memory);
  most_of_requests_[0] = std::max(most_of_requests_[0], request_bytes);
  const auto least = std::min(least_memory_[0], least_memory_[1]);
  const auto honest =
      std::max(most_of_requests_[0], most_of_requests_[1]) + std::min(unfinished_bytes_, kMaxHonestBytes);
  if (memory < least + kMaxUnfinishedMemory + kHonestMemory * honest) return;
  if (now_ms < next_free_ms_ && memory < memory_then_ + kGrowth) return;
  next_free_ms_ = now_ms + kFreeEveryMs;
  memory_then_ = memory;
  visit_all(now_ms);
  std::vector<std::pair<std::uint64_t, std::size_t>> largest;
  for (std::size_t fd = 0; fd < connections_.size(); ++fd)
    if (connections_[fd].open && connections_[fd].unfinished > kUnfinishedBytes &&
        now_ms - connections_[fd].base_ms >= kArrivesWithinMs)
      largest.emplace_back(connections_[fd].unfinished, fd);
  std::sort(largest.rbegin(), largest.rend());
  auto left = unfinished_bytes_ * kBytesOfABit;
  for (const auto& [bytes, fd] : largest) {
    if (left <= kMaxUnfinishedMemory / 2) return;
    left -= std::min(left, bytes * kBytesOfABit);
    cut_unfinished_one(fd, "while memory grew");
  }
}

void ConnectionWatch::cut_unfinished_one(std::size_t fd, const char* why) {
  ++cut_unfinished_;
  const auto now_ms = steady_ms();
  if (said_ms_ == 0 || now_ms - said_ms_ >= kSayEveryMs) {
    said_ms_ = now_ms;
    const auto peer = peer_of(static_cast<int>(fd));
    const auto name = name_of(connections_[fd].sender, connections_[fd].port, peer.address);
    spdlog::warn("cut {}{}: {} bytes of an unfinished message, {}",
                 peer.address.empty() ? "a peer that has gone" : host_and_port(peer.address, peer.port),
                 name.empty() ? name : " (" + name + ')', connections_[fd].unfinished, why);
  }
  cut(static_cast<int>(fd));
}

// The descriptor stays libzmq's, which reads the end of the connection and closes it.
void ConnectionWatch::cut(int fd) {
  if (fd < 0 || static_cast<std::size_t>(fd) >= connections_.size() || !connections_[static_cast<std::size_t>(fd)].open)
    return;
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  connection.unfinished = 0;
  connection.spoke = connection.ending = true;  // what was received is no longer waited for
  shutdown(fd, SHUT_RDWR);
}

std::size_t ConnectionWatch::cut_sender(const void* sender) {
  std::size_t ended = 0;
  for (std::size_t fd = 0; fd < connections_.size(); ++fd) {
    const Connection& each = connections_[fd];
    const bool unheard = each.port == Port::kDataOut && each.sender == nullptr;
    if (!each.open || each.ending || (each.sender != sender && !unheard)) continue;
    cut(static_cast<int>(fd));
    ++ended;
  }
  return ended;
}

std::size_t ConnectionWatch::cut_newest(Port port, std::size_t count) {
  std::vector<std::pair<std::uint64_t, int>> newest;
  for (std::size_t fd = 0; fd < connections_.size(); ++fd)
    if (connections_[fd].open && connections_[fd].port == port)
      newest.emplace_back(connections_[fd].number, static_cast<int>(fd));
  count = std::min(count, newest.size());
  std::partial_sort(newest.begin(), newest.begin() + static_cast<std::ptrdiff_t>(count), newest.end(),
                    std::greater<>());
  std::size_t ended = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto fd = newest[i].second;
    if (connections_[static_cast<std::size_t>(fd)].ending) continue;
    cut(fd);
    ++ended;
  }
  return ended;
}

std::size_t ConnectionWatch::cut_silent(Port port, std::size_t count, std::int64_t now_ms) {
  constexpr std::int64_t kTimeToSpeakMs = 1'000;
  std::vector<std::pair<std::int64_t, int>> oldest;
  for (std::size_t fd = 0; fd < connections_.size(); ++fd) {
    const Connection& each = connections_[fd];
    if (each.open && !each.ending && each.port == port && !each.ever_spoke && now_ms - each.since_ms >= kTimeToSpeakMs)
      oldest.emplace_back(each.since_ms, static_cast<int>(fd));
  }
  std::sort(oldest.begin(), oldest.end());
  oldest.resize(std::min(oldest.size(), count));
  for (const auto& [since_ms, fd] : oldest)
    cut(fd);
  return oldest.size();
}

}  // namespace trainbus
