#pragma once
// Says on the bus which sinks fail, and which leave something out because a bound is met: alerts of the rules
// `sink_failing` and `limit`, of the session trainbus/log-LABEL.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sink_runner.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {

// Single-threaded. Owns a DEALER socket, and until it knows what is active already a Consumer. What no broker takes is
// said again every second, as long as it holds; a sink that worked again before a broker was there is not mentioned.
// An alert that this host left active for the same sink, when it was killed, is continued: its id names both.
class SinkAlerts {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit SinkAlerts(const std::string& broker);

  // Says what changed. Waits at most 300 ms for the broker.
  void turn(const std::vector<SinkReport>& reports, Time now);
  // Ends what is active, because nobody watches these sinks any longer. Waits at most 300 ms for a broker that is away.
  void end();

 private:
  struct Said {
    std::string alert_id;
    bool active = false;
    std::string what = {};
  };
  using Key = std::pair<std::string, std::string>;  // label, rule
  bool knows_the_past(const std::vector<SinkReport>& reports);
  std::string owner_of(const SinkReport& report) const;
  bool update(const SinkReport& report, const std::string& rule, const std::string& trouble, const std::string& end);
  bool say(const Key& key, const Said& said, std::uint64_t failures);

  ControlClient client_;
  std::optional<Consumer> past_;  // alerts of the bus's programs; empty once they are read
  const std::string host_;
  const std::uint64_t incarnation_ = new_incarnation();  // of this process
  std::map<Key, Said> said_;                             // what the broker has stored
  Time next_{};
};

}  // namespace trainbus
