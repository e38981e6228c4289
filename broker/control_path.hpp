#pragma once
// The control port: registers trainers, answers lists and fetches, takes alerts and demand; commands and
// acknowledgements are parts of their own. Hostile bytes are answered with an error where there is somebody to answer,
// and counted. Used by the bus thread only.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker/acknowledgements.hpp"
#include "broker/alert_registry.hpp"
#include "broker/archive_desk.hpp"
#include "broker/backup_desk.hpp"
#include "broker/command_desk.hpp"
#include "broker/connection_watch.hpp"
#include "broker/consumer_losses.hpp"
#include "broker/control_socket.hpp"
#include "broker/data_path.hpp"
#include "broker/demand_board.hpp"
#include "broker/file_guard.hpp"
#include "broker/gatekeeper.hpp"
#include "broker/history_desk.hpp"
#include "broker/record_store.hpp"
#include "broker/roster.hpp"
#include "broker/tile_demand.hpp"

namespace trainbus {

struct ControlCounters {
  std::uint64_t requests = 0;
  std::uint64_t resent_records = 0;
  std::uint64_t hellos = 0;
  std::uint64_t acks = 0;
  std::uint64_t fetches = 0;
  std::uint64_t fetches_too_many = 0;   // refused: so many of one peer are under way
  std::uint64_t fetches_too_large = 0;  // refused: so much memory of all requests
  std::uint64_t streams_refused = 0;    // records sent again for which there is no room
  std::uint64_t targets_refused = 0;    // trainers that get no acknowledgements
  std::uint64_t leases_refused = 0;
  std::uint64_t commands_too_many = 0;  // refused: so many are open
  std::uint64_t not_read = 0;           // answers dropped because their peer does not read
  std::uint64_t commands_issued = 0;
  std::uint64_t commands_refused = 0;
  std::uint64_t unreachable = 0;  // an answer whose peer was gone or did not read
  std::uint64_t errors_answered = 0;
  RejectCounters rejected{};
};

class ControlPath {
 public:
  static constexpr int kMessagesPerTurn = 64;
  static constexpr std::size_t kMaxAckTargets = Acknowledgements::kMaxTargets;
  static constexpr std::int64_t kDemandEveryMs = 1'000;
  static constexpr int kMaxFetchesOfAPeer = 8;                 // asked and not yet answered; policy: refuse
  static constexpr std::size_t kMaxFetchingBytes = 256 << 20;  // of those requests, over all peers; policy: refuse

  using Stats = std::function<v1::BrokerStats()>;
  using Publish = std::function<void(const std::string& topic, zmq::message_t body)>;
  // Who watches over connections, files and keys is asked first.
  struct Guards {
    ConnectionWatch& connections;
    FileGuard& files;
    Gatekeeper& gatekeeper;
  };
  ControlPath(zmq::socket_t& router, RecordStore& store, Roster& roster, CommandRegistry& registry,
              AlertRegistry& alerts, HistoryDesk& history, BackupDesk& backup, ArchiveDesk& archives, Guards guards,
              std::string broker_id, TileDemand& tiles, Publish publish, Stats stats);

  // Answers what is waiting; true when there was more than a turn's worth.
  bool answer(std::int64_t now_ms);
  void answer_fetches();
  // Acknowledgements, commands to send again or to expire, demand.
  void tick(std::int64_t now_ms);
  // Sends what is owed and tells every peer heard lately that the broker stops.
  void say_goodbye(const std::string& reason);
  // A stream's head moved: its trainer is owed an acknowledgement.
  void owe_ack(const Stream& stream) { acknowledgements_.owe(stream, now_ms_); }

  ControlCounters counters() const;
  std::size_t ack_targets() const { return acknowledgements_.targets(); }
  std::size_t peers() const { return socket_.peers(); }
  std::size_t leases() const { return demand_.leases(); }
  std::size_t fetching_bytes() const { return fetching_bytes_; }
  std::size_t most_fetches_of_a_peer() const;
  const ConsumerLosses& consumer_losses() const { return losses_; }

 private:
  using Peer = ControlSocket::Peer;

  void take(std::vector<zmq::message_t>& frames, std::int64_t now_ms);
  void take_resent(const Peer& peer, zmq::message_t& topic, zmq::message_t& body, std::int64_t now_ms);
  void take_heartbeat(const zmq::message_t& topic, zmq::message_t& body, std::int64_t now_ms);
  void take_request(const Peer& peer, std::int64_t now_ms);
  // False when the sender may not, which they are then told.
  bool allowed(const Peer& peer, Act act, std::string_view session_id);
  Act act_of_request() const;
  void hello(const Peer& peer, std::int64_t now_ms);
  void hello_of_ended(const Peer& peer, std::int64_t now_ms);
  void welcome(const Peer& peer, std::int64_t now_ms);
  void note_positions();
  void probe_others(const std::string& session_id, std::uint64_t incarnation);
  void list(const Peer& peer, std::int64_t now_ms);
  void list_all_stored(const Peer& peer);
  void issue(const Peer& peer, std::int64_t now_ms);
  void issue_to_history(const Peer& peer);
  void find_command(const Peer& peer);
  void back_up(const Peer& peer, std::int64_t now_ms);
  void lease(const Peer& peer, std::int64_t now_ms);
  void fetch(const Peer& peer);
  void fetch_ended(const FetchJob& job);
  void raise(const Peer& peer);
  void take_losses(const Peer& peer, std::int64_t now_ms);
  void send_all_demand(std::int64_t now_ms);
  void send_demand(const std::string& session_id, std::int64_t now_ms);
  void tell_watched(const std::string& session_id, const Roster::Incarnation& trainer);
  void tell_changed_demand();

  ControlSocket socket_;
  RecordStore& store_;
  Roster& roster_;
  AlertRegistry& alerts_;
  HistoryDesk& history_;
  BackupDesk& backup_;
  ArchiveDesk& archives_;
  Guards guards_;
  const std::string broker_id_;
  TileDemand& tiles_;
  Publish publish_;
  Acknowledgements acknowledgements_;
  CommandDesk commands_;
  ConsumerLosses losses_;             // of tiles, as consumers report them
  int descriptor_ = -1;               // of the connection that the message came through
  const Identity* sender_ = nullptr;  // of the message
  Stats stats_;
  DemandBoard demand_;
  std::map<std::string, int> fetching_;  // routing id -> fetches under way
  std::size_t fetching_bytes_ = 0;       // of all of them
  std::int64_t now_ms_ = 0;              // of this turn
  std::int64_t next_demand_ms_ = 0;
  std::uint64_t history_commands_ = 0;
  ControlCounters counters_;  // those that are counted here
  std::vector<zmq::message_t> frames_;
  Topic topic_;
  v1::MetricsRequest message_;
};

}  // namespace trainbus
