#pragma once
// The connections of the broker's ports: how many there are, and what libzmq leaves unbounded about them.
//
// libzmq collects every frame of a message before the first can be read, and its high-water mark counts whole messages
// only: two bytes of a peer that sends empty frames for ever take 64 bytes here. So what libzmq read of each connection
// (TCP_INFO, SIOCINQ) is held against the messages that came out of it; whoever has too much of a message unfinished is
// cut. Nothing of it is on the way of a message but heard().

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker/bound_sockets.hpp"

namespace trainbus {

enum class Port : std::uint8_t { kDataIn, kDataOut, kControl };

// Used by the bus thread only. Times are steady milliseconds. Owns a monitor of each bound socket.
class ConnectionWatch {
 public:
  static constexpr std::int64_t kLookEveryMs = 20;
  static constexpr std::int64_t kUnfinishedMs = 30'000;        // a message takes no longer to arrive, or is small
  static constexpr std::uint64_t kUnfinishedBytes = 64 << 10;  // small
  static constexpr std::uint64_t kPingBytesPerSecond = 64;     // ZMTP heartbeats are no messages
  static constexpr std::uint64_t kBytesOfABit = 32;            // in memory, of a received byte, at worst
  static constexpr std::size_t kMaxDescriptors = 1 << 24;
  static constexpr std::uint64_t kMaxUnfinishedMemory = 48 << 20;  // past it those with most unfinished are cut

  ConnectionWatch(zmq::context_t& context, BoundSockets& sockets);
  ~ConnectionWatch();
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;

  // A whole message came out of a socket; `frame` is any of its frames, `sender` who sent it, as cut_sender() is told.
  void heard(const zmq::message_t& frame, const void* sender = nullptr) {
    const auto fd = static_cast<std::size_t>(zmq_msg_get(frame.handle(), ZMQ_SRCFD));
    if (fd >= connections_.size()) {
      if (fd >= kMaxDescriptors) return;  // not said
      connections_.resize(fd + 1);
    }
    connections_[fd].spoke = connections_[fd].ever_spoke = true;
    connections_[fd].sender = sender;
    ++messages_[static_cast<std::size_t>(connections_[fd].port)];
  }
  // The descriptor that the frame came through; -1: not known.
  static int descriptor_of(const zmq::message_t& frame) { return zmq_msg_get(frame.handle(), ZMQ_SRCFD); }

  // For the log: who is at the other end of a connection of this port, as heard() was told (nullptr: it said nothing
  // yet), at this address; "" where that is not known.
  std::function<std::string(const void* sender, Port port, const std::string& address)> name_of =
      [](const void*, Port, const std::string&) { return std::string{}; };

  // Nothing waits to be read from this port: what was received since then is an unfinished message.
  void drained(Port port) { ++drained_[static_cast<std::size_t>(port)]; }
  // Takes in who came and went, and cuts who has too much of a message unfinished. Every turn; mostly does nothing.
  // `request_bytes`: of requests that are being answered, which take memory for a reason.
  void look(std::int64_t now_ms, std::size_t request_bytes);
  // Ends a connection at once.
  void cut(int fd);
  // Ends the connections of a sender, and with them those to the data-out port of which nothing was heard: libzmq says
  // only the first subscription to a topic. Who of them may come back does. How many there were.
  std::size_t cut_sender(const void* sender);
  // Ends the connections of a port that never sent a message, oldest first, at most `count`.
  std::size_t cut_silent(Port port, std::size_t count, std::int64_t now_ms);

  // Ends so many connections of a port, those first that came last; how many there were to end.
  std::size_t cut_newest(Port port, std::size_t count);

  // Which connection this descriptor is now, counted from 1 as they came; 0: none.
  std::uint64_t number_of(int fd);
  // A trainer is greeted on this connection.
  void set_greeted(int fd);
  std::size_t greeted() const { return greeted_; }  // connections that are open

  std::size_t open(Port port) const { return open_[static_cast<std::size_t>(port)]; }
  std::size_t open() const { return open_[0] + open_[1] + open_[2]; }
  // Of who speaks otherwise, or has no good key. While some are under way it may lack some, for 11 s at most.
  std::uint64_t handshakes_failed() const { return handshakes_failed_; }
  std::uint64_t accepted() const { return accepted_; }              // so far
  std::uint64_t accepts_failed() const { return accepts_failed_; }  // for want of files
  std::uint64_t cut_unfinished() const { return cut_unfinished_; }
  std::uint64_t unfinished_bytes() const { return unfinished_bytes_; }  // as of the last round over all

 private:
  struct Connection {
    bool open = false;
    bool may_shake_hands = false;  // for all that is known
    bool ending = false;           // it was cut, and libzmq has not closed it yet
    bool spoke = false;            // since `base` was taken
    bool ever_spoke = false;
    bool greeted = false;
    const void* sender = nullptr;
    Port port{};
    std::int64_t since_ms = 0;
    std::uint64_t number = 0;  // in the order in which they came
    std::int64_t base_ms = 0;
    std::uint64_t base = 0;  // bytes read when its last message was known to be out
    // Bytes after `base` at some visit, and how often its port had been read empty then, and what came out of it.
    std::uint64_t seen = 0;
    std::uint64_t seen_drained = 0;
    std::uint64_t seen_messages = 0;
    std::uint64_t unfinished = 0;  // of a message that is not complete: seen, and everything complete was read since
  };
  struct Monitor {
    zmq::socket_t* of;
    zmq::socket_t events;
  };
  void read_events(Port port, std::int64_t now_ms);
  void closed(Connection& connection);
  void count_failed_handshakes();
  bool was_read_since(const Connection& connection) const;
  void visit(std::size_t fd, std::int64_t now_ms);
  void visit_some(std::int64_t now_ms);
  void visit_all(std::int64_t now_ms);
  void free_memory(std::int64_t now_ms, std::size_t request_bytes);
  void cut_unfinished_one(std::size_t fd, const char* why);

  std::array<Monitor, 3> monitors_;
  std::vector<Connection> connections_;  // by descriptor
  std::vector<std::size_t> closed_now_;  // in this look
  std::array<std::size_t, 3> open_{};
  std::array<std::uint64_t, 3> drained_{};
  std::array<std::uint64_t, 3> messages_{};
  std::uint64_t accepts_failed_ = 0;
  std::uint64_t handshakes_done_ = 0;
  std::uint64_t handshakes_failed_ = 0;
  std::int64_t may_shake_hands_ = 0;  // connections
  std::uint64_t accepted_ = 0;
  std::size_t greeted_ = 0;
  std::size_t next_visit_ = 0;
  std::int64_t next_look_ms_ = 0;
  std::int64_t next_free_ms_ = 0;
  std::size_t memory_then_ = 0;  // when all were visited last for the memory
  std::int64_t said_ms_ = 0;
  // The least memory of this minute and of the last one: what grows above it in a minute.
  std::array<std::size_t, 2> least_memory_{SIZE_MAX, SIZE_MAX};
  std::array<std::size_t, 2> most_of_requests_{};  // of the same two
  std::int64_t next_minute_ms_ = 0;
  std::uint64_t unfinished_bytes_ = 0;
  std::uint64_t unfinished_of_round_ = 0;
  std::uint64_t cut_unfinished_ = 0;
};

}  // namespace trainbus
