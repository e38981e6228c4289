#pragma once
// The watcher: looks at every trainer once an interval, follows their records, shows what it sees, raises alerts, acts.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alert_rules.hpp"
#include "delivery.hpp"
#include "rule_actions.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/trainer_table.hpp"
#include "watch_folder.hpp"
#include "watch_screen.hpp"

namespace trainbus {

struct WatchOptions {
  std::string broker = default_broker();
  std::string site;  // the broker's name among several; "": the only one
  std::string run;   // "" : all
  std::chrono::milliseconds interval{1000};
  bool alerts = true;
  bool once = false;
  bool json = false;
  RuleSet rules = default_rules();
  bool act = false;
  std::string state_dir;  // of the positions of channels; "": the default
};

// Single-threaded, but for the channels. Raises nothing before it knows what is open already, and before every channel
// knows where it starts.
class Watcher {
 public:
  // Throws std::runtime_error with one line on a state folder, certificates or a position file that cannot be used.
  Watcher(WatchOptions options, std::ostream& out, bool on_terminal);

  // One look and its table (or JSON). False when no broker answered within `patience`.
  bool show_once(std::chrono::milliseconds patience);
  // Looks and shows until a stop is asked for.
  void run();

 private:
  void start_channels();
  void look(std::chrono::milliseconds patience);
  bool ready_to_raise() const;
  void raise_alerts(std::int64_t now_ms);
  bool raise_alerts_of(const TrainerTable::Row& row, std::int64_t now_ms);
  enum class Raised : std::uint8_t { kStored, kRefused, kNoAnswer };
  Raised raise(const DueAlert& due);
  void act(std::int64_t now_ms);
  void read_bus(std::chrono::milliseconds time);
  void read_records();
  void take_stored(const Record& record);
  std::vector<std::string> problems();

  const WatchOptions options_;
  WatchScreen screen_;
  ControlClient client_;
  std::unique_ptr<Consumer> stored_;   // alerts and commands, from the beginning; null without alerts
  std::unique_ptr<Consumer> records_;  // batches, epochs, scalars, perf, live; null without alerts
  std::unique_ptr<Consumer> epochs_;   // of before this watcher; null once they are read
  std::string silent_port_;            // as last told
  std::string storing_trouble_;        // the same
  TrainerTable table_;
  AlertRules rules_;
  std::optional<RuleActions> actions_;  // with --act
  std::unique_ptr<WatchFolder> state_folder_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;
};

}  // namespace trainbus
