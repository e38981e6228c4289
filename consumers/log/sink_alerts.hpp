#pragma once
// Says on the bus which sinks fail: alerts of rule `sink_failing`, of the session trainbus/log-LABEL.

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "sink_runner.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {

// Single-threaded. Owns a DEALER socket. What no broker takes is said again every second, as long as it holds; a sink
// that worked again before a broker was there is not mentioned.
class SinkAlerts {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit SinkAlerts(const std::string& broker) : client_(broker) {}

  // Says what changed. Waits at most 300 ms for the broker.
  void turn(const std::vector<SinkReport>& reports, Time now);

 private:
  struct Said {
    std::string alert_id;
    bool active = false;
  };
  bool say(const SinkReport& report, const Said& said);

  ControlClient client_;
  const std::uint64_t incarnation_ = new_incarnation();  // of this process
  std::map<std::string, Said> said_;                     // by label: what the broker has stored
  Time next_{};
};

}  // namespace trainbus
