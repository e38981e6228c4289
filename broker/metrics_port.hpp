#pragma once
// --metrics HOST:PORT: what the broker counts, for Prometheus, and whether it works, for probes.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "metrics_server.hpp"
#include "trainbus.pb.h"

namespace trainbus {

// /metrics; /healthz: the broker still starts, or its loop turns; /readyz: what comes is stored. Each probe is 503 with
// a line that says why where it is not so. The server has threads of its own (MetricsServer), which ask the bus thread
// for its figures.
class MetricsPort {
 public:
  // How long the loop, which turns every 50 ms, may take to answer.
  static constexpr std::chrono::milliseconds kAnswerWithin{5'000};

  // Throws std::runtime_error or std::invalid_argument with one line when it cannot listen there. `host_names`: by
  // which it may be asked beside those of loopback. `token`: what who asks for /metrics must show.
  MetricsPort(const std::string& listen, std::vector<std::string> host_names,
              std::chrono::milliseconds answer_within = kAnswerWithin, BearerToken token = {});
  // At once, also while somebody waits for an answer.
  ~MetricsPort();

  const std::string& host() const { return host_; }
  std::uint16_t port() const { return server_->port(); }
  // In each turn of the bus thread: `stats` is called when somebody asks.
  void turn(const std::function<v1::BrokerStats()>& stats);
  // Somebody waits for the next turn. Any thread.
  bool is_asked() const { return asked_; }

 private:
  // Throws std::runtime_error when the loop does not turn.
  v1::BrokerStats figures();
  MetricsServer::Standing healthy();
  MetricsServer::Standing ready();

  const std::string host_;
  const std::chrono::milliseconds answer_within_;
  std::atomic<bool> turned_{false};
  std::mutex mutex_;
  std::condition_variable answered_;
  std::atomic<bool> asked_{false};
  std::optional<v1::BrokerStats> answer_;
  bool ended_ = false;
  std::unique_ptr<MetricsServer> server_;  // the last member: its threads use the others
};

// Why a broker with these figures does not store what comes; "": it does.
std::string not_ready(const v1::BrokerStats& stats);

}  // namespace trainbus
