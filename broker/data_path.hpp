#pragma once
// The data sockets: XSUB (trainers publish), XPUB (consumers subscribe), and the forwarding between them. Hostile
// bytes are dropped and counted by reason. Used by the bus thread only.

#include <google/protobuf/arena.h>
#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <zmq.hpp>

#include "broker/record_store.hpp"
#include "broker/roster.hpp"
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

class DataPath {
 public:
  static constexpr int kMessagesPerTurn = 64;  // before looking the other way
  static constexpr std::size_t kBytesPerTurn = 4 << 20;
  static constexpr std::size_t kMaxDemandedTopics = 10'000;  // of tiles, passed on to the trainers; policy: refuse

  DataPath(zmq::socket_t& xsub, zmq::socket_t& xpub) : xsub_(xsub), xpub_(xpub) {}
  // Set once, before the first turn. Subscribes upstream to every kind but tiles.
  void attach(RecordStore& store, Roster& roster);

  // Moves what is waiting, up to the bounds of a turn; true when there was more.
  bool forward_data(std::int64_t now_ms);
  bool forward_subscriptions();
  // Sends one record to the subscribers.
  void publish(const std::string& topic, zmq::message_t body);

  const DataCounters& counters() const { return counters_; }

 private:
  void take(std::vector<zmq::message_t>& frames, std::int64_t now_ms);
  void pass_on_demand(bool wanted, std::string_view topic);

  zmq::socket_t& xsub_;
  zmq::socket_t& xpub_;
  RecordStore* store_ = nullptr;
  Roster* roster_ = nullptr;
  std::set<std::string, std::less<>> demanded_;
  DataCounters counters_;
  std::vector<zmq::message_t> frames_;
  Topic topic_;
  // A payload is a member of a oneof, which a reused message frees and makes anew each time; an arena does not.
  std::vector<char> arena_block_ = std::vector<char>(64 << 10);
  google::protobuf::Arena arena_{arena_block_.data(), arena_block_.size()};
};

}  // namespace trainbus
