#pragma once
// What a broker is told by trainbus-log: how the sinks with its records do, and what archives have.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "archive_news.hpp"
#include "sink_alerts.hpp"
#include "sink_runner.hpp"
#include "trainbus/broker_site.hpp"

namespace trainbus {

// Single-threaded.
class BrokerNews {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds kOnceWaitsForBroker{10};

  BrokerNews(const BrokerSite& site, const std::vector<std::unique_ptr<SinkRunner>>& runners, Time now);

  // `all`: of every runner, in their order. Throws std::runtime_error when with --once no broker is there.
  void turn(const std::vector<SinkReport>& all, Time now, bool once);
  // The sinks end now.
  void end(bool once);
  // The sinks have ended, and synced.
  void say_archived(const std::vector<SinkReport>& all);

 private:
  std::vector<SinkReport> of_this_broker(const std::vector<SinkReport>& all) const;

  const std::string broker_;
  std::vector<std::size_t> sinks_;
  SinkAlerts alerts_;
  ArchiveNews archives_;
  Time heard_;
};

}  // namespace trainbus
