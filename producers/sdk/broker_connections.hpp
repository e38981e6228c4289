#pragma once
// A trainer's connections to the broker: to the control port first, and to the data port once it was welcomed.

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "trainbus/bus_key.hpp"
#include "trainbus/endpoints.hpp"

namespace trainbus {

// Owns a DEALER (control) and an XPUB (data: a PUB that hears when the broker has subscribed). Each costs the broker a
// file; one that has none for this trainer is left alone for a while. Single-threaded.
class BrokerConnections {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kFirstAway{2};  // after the first refusal; doubled with each one that follows
  static constexpr std::chrono::seconds kMostAway{16};  // up to twice as long is waited, at random

  // As who `key` says. Throws zmq::error_t when a socket cannot be opened.
  BrokerConnections(zmq::context_t& context, const std::string& broker, const std::string& session_id,
                    const std::optional<KeyFile>& key);

  // Waits for something from the broker, and connects again after a refusal. True when the control port is reached
  // anew: the broker does not know this connection.
  bool turn(std::chrono::milliseconds timeout);

  // The control port is reached.
  bool linked() const { return linked_; }
  // The broker has no room, and is left alone.
  bool away(Clock::time_point now) const { return now < away_until_; }
  // The data port is reached, and the broker listens there.
  bool subscribed() const { return !subscriptions_.empty(); }
  // And to this topic.
  bool subscribed(std::string_view topic) const;
  bool control_readable() const { return control_readable_; }
  zmq::socket_t& control() { return control_; }
  zmq::socket_t& data() { return data_; }

  void welcomed();
  // The broker has no room: both connections end.
  void refused(Clock::time_point now);
  void set_linger(std::chrono::milliseconds linger);

 private:
  void read_subscriptions();
  void connect(zmq::socket_t& socket, std::string& connected, std::string address);

  const Endpoints broker_;
  const std::optional<KeyFile> key_;
  zmq::socket_t data_;
  zmq::socket_t control_;
  std::string data_address_, control_address_;  // connected to; empty: not
  std::set<std::string, std::less<>> subscriptions_;
  std::vector<zmq::message_t> frames_;
  bool control_readable_ = false;
  bool linked_ = false;
  int refusals_ = 0;  // in a row
  Clock::time_point away_until_{};
  Clock::time_point next_look_{};
};

}  // namespace trainbus
