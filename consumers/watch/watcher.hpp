#pragma once
// The watcher: looks at every trainer once an interval, follows their losses, shows what it sees, raises alerts.

#include <chrono>
#include <deque>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>

#include "alert_rules.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/trainer_table.hpp"

namespace trainbus {

struct WatchOptions {
  std::string broker = default_broker();
  std::string run;  // "" : all
  std::chrono::milliseconds interval{1000};
  bool alerts = true;
  bool once = false;
  bool json = false;
};

// Single-threaded. With a terminal on `out` a table redrawn in place; otherwise one line for every change of state
// and every alert (JSON lines with `json`).
class Watcher {
 public:
  Watcher(WatchOptions options, std::ostream& out, bool on_terminal);

  // One look and its table (or JSON). False when no broker answered within `patience`.
  bool show_once(std::chrono::milliseconds patience);
  // Looks and shows until a stop is asked for.
  void run();

 private:
  void look(std::chrono::milliseconds patience);
  void raise_alerts(std::int64_t now_ms);
  bool raise_alerts_of(const TrainerTable::Row& row, std::int64_t now_ms);
  void read_bus(std::chrono::milliseconds time);
  void read_losses();
  void tell_alert(const std::string& session_id, const v1::Alert& alert);
  void tell_changes(std::int64_t now_ms);
  void draw(std::int64_t now_ms);
  void say(const std::string& line);

  WatchOptions options_;
  std::ostream& out_;
  const bool on_terminal_;
  const bool colours_;
  ControlClient client_;
  std::unique_ptr<Consumer> alerts_;  // what is open already, whoever raised it; null without alerts
  std::unique_ptr<Consumer> losses_;  // every batch and epoch: a look alone sees the newest; null without alerts
  LossWatch loss_watch_;
  TrainerTable table_;
  AlertRules rules_;
  std::map<std::string, Liveness> told_;   // by session id
  std::deque<std::string> recent_alerts_;  // for the terminal
  bool told_away_ = false;
};

}  // namespace trainbus
