#pragma once
// The control socket: a ROUTER that registers trainers, acknowledges, routes commands and answers consumers. Hostile
// bytes are answered with an error where there is somebody to answer, and counted. Used by the bus thread only.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker/alert_registry.hpp"
#include "broker/command_registry.hpp"
#include "broker/data_path.hpp"
#include "broker/demand_board.hpp"
#include "broker/record_store.hpp"
#include "broker/roster.hpp"

namespace trainbus {

struct ControlCounters {
  std::uint64_t requests = 0;
  std::uint64_t resent_records = 0;
  std::uint64_t hellos = 0;
  std::uint64_t acks = 0;
  std::uint64_t fetches = 0;
  std::uint64_t fetches_refused = 0;  // too many, or too large ones, under way
  std::uint64_t commands_issued = 0;
  std::uint64_t commands_refused = 0;
  std::uint64_t unreachable = 0;  // an answer whose peer was gone or did not read
  std::uint64_t errors_answered = 0;
  RejectCounters rejected{};
};

class ControlPath {
 public:
  static constexpr int kMessagesPerTurn = 64;
  static constexpr std::int64_t kAckEveryMs = 50;
  static constexpr std::int64_t kDemandEveryMs = 1'000;
  static constexpr std::size_t kMaxAckTargets = 200'000;  // policy: forget who was not heard for a minute, then refuse
  static constexpr std::int64_t kQuietTargetMs = 60'000;
  static constexpr int kMaxFetchesOfAPeer = 8;                 // asked and not yet answered; policy: refuse
  static constexpr std::size_t kMaxFetchingBytes = 256 << 20;  // of those requests, over all peers; policy: refuse
  static constexpr std::size_t kGiveBackBytes = 8 << 20;       // so much of them is worth a walk through the heap
  static constexpr std::int64_t kLookAtCommandsEveryMs = 20;

  using Stats = std::function<v1::BrokerStats()>;
  ControlPath(zmq::socket_t& router, RecordStore& store, Roster& roster, CommandRegistry& registry,
              AlertRegistry& alerts, Stats stats);

  // Answers what is waiting; true when there was more than a turn's worth.
  bool answer(std::int64_t now_ms);
  void answer_fetches();
  // Acknowledgements, commands to send again or to expire, demand.
  void tick(std::int64_t now_ms);
  // Sends what is owed and tells every peer heard lately that the broker stops.
  void say_goodbye(const std::string& reason);
  // A stream's head moved: its trainer is owed an acknowledgement.
  void owe_ack(const Stream& stream);

  const ControlCounters& counters() const { return counters_; }

 private:
  struct Peer {
    std::string routing_id;
    std::uint64_t request_id = 0;
  };
  using AckKey = std::pair<std::string, std::uint64_t>;  // session, incarnation
  struct AckTarget {
    std::string routing_id;
    bool owed = false;
    std::int64_t used_ms = 0;  // last greeted, or owed something
  };
  AckTarget* ack_target(const AckKey& key, std::int64_t now_ms);

  void take(std::vector<zmq::message_t>& frames, std::int64_t now_ms);
  void take_resent(const Peer& peer, zmq::message_t& topic, zmq::message_t& body, std::int64_t now_ms);
  void take_request(const Peer& peer, std::int64_t now_ms);
  void hello(const Peer& peer, std::int64_t now_ms);
  void hello_of_ended(const Peer& peer, std::int64_t now_ms);
  void note_positions();
  void owe_ack_to(const Peer& peer, std::int64_t now_ms);
  void issue(const Peer& peer, std::int64_t now_ms);
  void report(const Peer& peer);
  void lease(const Peer& peer, std::int64_t now_ms);
  void find_command(const Peer& peer);
  void fetch(const Peer& peer);
  void fetch_ended(const FetchJob& job);
  void raise(const Peer& peer);

  using Positions = google::protobuf::RepeatedPtrField<v1::KindPosition>;
  void add_stored(const std::string& session_id, std::uint64_t incarnation, Positions& positions);
  void store_state(const CommandRegistry::Entry& entry, std::function<void()> then);
  void send_command(CommandRegistry::Entry& entry);
  void send_acks();
  void send_all_demand(std::int64_t now_ms);
  void send_demand(const std::string& session_id, std::int64_t now_ms);
  bool send_to(const std::string& session_id, v1::MetricsResponse& response);
  void refuse(const Peer& peer, v1::ErrorCode code, const std::string& why);
  bool send(const Peer& peer, v1::MetricsResponse& response);

  zmq::socket_t& router_;
  RecordStore& store_;
  Roster& roster_;
  CommandRegistry& registry_;
  AlertRegistry& alerts_;
  Stats stats_;
  DemandBoard demand_;
  std::map<AckKey, AckTarget> ack_targets_;
  std::set<std::string> peers_;  // routing ids heard; bounded by kMaxAckTargets
  std::vector<AckKey> owed_;
  std::map<std::string, int> fetching_;  // routing id -> fetches under way
  std::size_t fetching_bytes_ = 0;       // of all of them
  std::size_t most_fetching_bytes_ = 0;  // since there was none
  std::int64_t next_forget_targets_ms_ = 0;
  std::int64_t next_commands_ms_ = 0;
  std::int64_t now_ms_ = 0;  // of this turn
  std::int64_t next_acks_ms_ = 0;
  std::int64_t next_demand_ms_ = 0;
  ControlCounters counters_;
  std::vector<zmq::message_t> frames_;
  Topic topic_;
  v1::MetricsRequest message_;
};

}  // namespace trainbus
