#pragma once
// The broker: forwards, keeps the journal, routes commands. Embeddable: tests and benches run it in a thread.

#include <map>
#include <memory>
#include <string>

#include "broker/archive_desk.hpp"
#include "broker/backup_desk.hpp"
#include "broker/bound_sockets.hpp"
#include "broker/command_registry.hpp"
#include "broker/connection_watch.hpp"
#include "broker/control_path.hpp"
#include "broker/data_path.hpp"
#include "broker/file_guard.hpp"
#include "broker/gatekeeper.hpp"
#include "broker/history_desk.hpp"
#include "broker/name_conflicts.hpp"
#include "broker/record_store.hpp"
#include "broker/roster.hpp"
#include "broker/state_folder.hpp"
#include "trainbus/limits.hpp"

namespace trainbus {

struct BrokerOptions {
  std::string listen = std::string(kDefaultBroker);  // port * finds free ones
  std::string state_dir;                             // made when absent; one broker at a time
  Durability durability = Durability::kProcess;
  int io_threads = 2;
  Retention retention = {};
  std::string keys_dir = {};  // of KeyFolder; "": everybody who connects may everything
};

// Single-threaded but for the constructor: one thread steps it. Owns its context, its sockets and the journal's
// threads.
class Broker {
 public:
  // Binds and reads the journal back. Throws std::runtime_error or std::invalid_argument with one line.
  explicit Broker(const BrokerOptions& options);

  const Endpoints& endpoints() const { return sockets_.endpoints; }
  // One turn: everything that waits, up to a bound; waits at most `timeout` when nothing does.
  void poll_once(std::chrono::milliseconds timeout);
  // Takes in what is still arriving, commits, acknowledges and tells every peer; at most `limit`.
  void stop(std::chrono::milliseconds limit);
  v1::BrokerStats stats() const;
  // Reads the keys again, soon, in another thread.
  void reload_keys() { gatekeeper_.reload(); }
  // How many trainers there are files for, and how many files.
  std::pair<std::size_t, std::size_t> room() const { return {files_.room(), files_.files()}; }

 private:
  static constexpr std::int64_t kBusyTurnMs = 2;  // while a reader of the history is at work
  static constexpr std::int64_t kMemoryLookEveryMs = 2'000;
  static constexpr std::size_t kGiveBackBytes = 16 << 20;  // freed and kept; less is not worth the page faults later

  // In a turn without work.
  void give_back_memory(std::int64_t now_ms);
  void restore(const std::string& session_id, const v1::ControlCommand& command);
  void restore_own(const v1::MetricsRequest& record);
  void end_alerts_of_before();
  void look_for_damage();
  // By the keys of its own that the gatekeeper has now.
  void serve_keys();
  // An alert record of the broker itself.
  void raise(const std::string& rule, bool active, const std::string& message);
  void add_limits();
  void add_limits_of_peers();
  void add_limits_of_records();
  void add_limits_of_viewers();
  void add_limits_of_questions();
  void add_limit_of_retention();
  void add_data_counters(v1::BrokerStats& stats) const;
  void add_record_counters(v1::BrokerStats& stats) const;
  void add_control_counters(v1::BrokerStats& stats) const;
  void add_journal_figures(v1::BrokerStats& stats) const;
  void add_disk_figures(v1::BrokerStats& stats) const;
  void add_gauges(v1::BrokerStats& stats) const;

  StateFolder folder_;
  zmq::context_t context_;
  Gatekeeper gatekeeper_;
  BoundSockets sockets_;
  ConnectionWatch connections_;
  Roster roster_;
  CommandRegistry registry_;
  AlertRegistry alerts_;
  DataPath data_;
  HistoryDesk history_;
  BackupDesk backup_;
  NameConflicts conflicts_;
  std::map<std::string, std::string> own_alerts_;  // this broker's alerts that are active: rule, id
  RecordStore store_;
  ArchiveDesk archives_;
  FileGuard files_;
  ControlPath control_;
  RecordStore::News news_;
  LimitTable limits_;
  bool loss_said_ = false;
  bool damage_said_ = false;
  std::int64_t next_memory_look_ms_ = 0;
};

}  // namespace trainbus
