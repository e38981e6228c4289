#pragma once
// The data sockets: XSUB (trainers publish), XPUB (consumers subscribe), and the forwarding between them. Hostile
// bytes are dropped and counted by reason. Used by the bus thread only.

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <zmq.hpp>

#include "broker/connection_watch.hpp"
#include "broker/fan_out.hpp"
#include "broker/gatekeeper.hpp"
#include "broker/record_store.hpp"
#include "broker/roster.hpp"
#include "broker/tile_demand.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

using RejectCounters = std::array<std::uint64_t, static_cast<std::size_t>(WireError::kCount)>;

struct DataCounters {
  std::uint64_t messages_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t messages_out = 0;  // handed to XPUB, whatever the number of subscribers
  std::uint64_t tiles_in = 0;
  std::uint64_t heartbeats_in = 0;
  std::uint64_t too_many_streams = 0;
  std::uint64_t too_many_demanded = 0;
  std::uint64_t subscriptions = 0;  // (un)subscribe events seen
  std::uint64_t fences = 0;
  RejectCounters rejected{};
};

// A live record that said none, with one. Concatenated messages are merged when they are parsed.
zmq::message_t with_incarnation(const zmq::message_t& body, std::uint64_t incarnation);

class DataPath {
 public:
  static constexpr int kMessagesPerTurn = 512;  // before looking the other way
  static constexpr std::size_t kBytesPerTurn = 4 << 20;

  DataPath(zmq::socket_t& xsub, zmq::socket_t& xpub, ConnectionWatch& connections, Gatekeeper& gatekeeper)
      : xsub_(xsub), xpub_(xpub), fan_out_(xpub), connections_(connections), gatekeeper_(gatekeeper) {}
  // Set once, before the first turn. Subscribes upstream to every kind but tiles.
  void attach(RecordStore& store, Roster& roster);

  // Moves what is waiting, up to the bounds of a turn; true when there was more.
  bool forward_data(std::int64_t now_ms);
  bool forward_subscriptions();
  // Sends one record to the subscribers.
  void publish(const std::string& topic, zmq::message_t body);

  const DataCounters& counters() const { return counters_; }
  TileDemand& tile_demand() { return tile_demand_; }
  const TileDemand& tile_demand() const { return tile_demand_; }
  std::uint64_t overflows() const { return fan_out_.overflows(); }  // of a subscriber's queue

 private:
  void take(std::vector<zmq::message_t>& frames, const Identity& sender, std::int64_t now_ms);
  void reject(WireError error, std::string_view topic, std::int64_t now_ms);
  void identify(const Topic& topic, const zmq::message_t& body, std::int64_t now_ms);
  WireError read(std::string_view topic_bytes, std::string_view body, Stream*& newest);
  void pass_on_demand(bool wanted, std::string_view topic);

  zmq::socket_t& xsub_;
  zmq::socket_t& xpub_;
  FanOut fan_out_;
  ConnectionWatch& connections_;
  Gatekeeper& gatekeeper_;
  RecordStore* store_ = nullptr;
  Roster* roster_ = nullptr;
  TileDemand tile_demand_;
  DataCounters counters_;
  std::array<std::int64_t, std::tuple_size_v<RejectCounters>> say_again_ms_{};  // by reason
  std::vector<zmq::message_t> frames_;
  Topic topic_;
  v1::MetricsRequest message_;  // mostly the envelope alone
};

}  // namespace trainbus
