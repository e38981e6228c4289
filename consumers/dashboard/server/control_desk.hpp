#pragma once
// The control socket in a thread of its own, so that no browser waits for another one's command.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "trainbus/control_client.hpp"

namespace trainbus {

class ControlDesk {
 public:
  using Job = std::function<void(ControlClient&)>;  // must end within kTimeout of waiting, and not throw
  static constexpr std::size_t kMaxJobs = 64;
  static constexpr std::chrono::milliseconds kTimeout{1500};  // for an answer of the broker
  static constexpr std::chrono::seconds kStatsInterval{5};

  // `on_stats` is called in the desk's thread: the broker's counters every few seconds, empty when it did not answer.
  ControlDesk(std::string broker, std::function<void(std::optional<v1::BrokerStats>)> on_stats);
  ~ControlDesk();  // forgets the jobs that wait; ends within kTimeout

  // Any thread. False when kMaxJobs wait already.
  [[nodiscard]] bool ask(Job job);

 private:
  void run();
  std::optional<Job> wait_for_job();
  bool stopping();

  const std::string broker_;
  std::function<void(std::optional<v1::BrokerStats>)> on_stats_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace trainbus
