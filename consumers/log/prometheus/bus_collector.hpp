#pragma once
// Answers a scrape: what the broker says now of itself and of all trainers.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "metric_families.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/ledger.hpp"
#include "trainbus/trainer_table.hpp"

namespace trainbus {

// Any thread. Scrapes wait for each other; a broker that does not answer makes one take 2 * kPatience at most, and what
// it said last is shown, with all trainers unreachable.
class BusCollector {
 public:
  static constexpr std::chrono::milliseconds kPatience{1500};

  // Told at each scrape that leaves something out: Sink::limit_met().
  using LimitMet = std::function<void(const char* limit, std::size_t bound, const char* unit, const char* policy)>;

  // Throws std::invalid_argument on a bad address. At most `max_trainers` are shown, the newest heard first; one that
  // was not heard for `forget` is not.
  BusCollector(const std::string& broker, std::uint64_t max_trainers, std::chrono::milliseconds forget,
               LimitMet limit_met);

  // One record of this kind has come.
  void count(Kind kind) { ++records_[static_cast<std::size_t>(kind)]; }

  MetricFamilies collect() const;

 private:
  struct State {
    explicit State(const std::string& broker) : client(broker) {}
    ControlClient client;
    TrainerTable trainers;
    std::map<std::pair<std::string, std::uint64_t>, TrainerLedger> ledgers;
    std::optional<v1::BrokerStats> stats;
  };
  void ask_broker(State& state, std::int64_t now_ms) const;
  void add_trainers(MetricFamilies& families, const State& state, std::int64_t now_ms) const;

  const std::uint64_t max_trainers_;
  const std::int64_t forget_ms_;
  const LimitMet limit_met_;
  std::array<std::atomic<std::uint64_t>, v1::Kind_ARRAYSIZE> records_{};
  mutable std::mutex mutex_;  // of state_
  mutable State state_;
};

}  // namespace trainbus
