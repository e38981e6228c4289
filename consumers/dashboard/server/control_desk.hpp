#pragma once
// The control socket in a thread of its own, so that no browser waits for another one's command.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "trainbus/control_client.hpp"
#include "trainbus/ledger.hpp"
#include "trainbus/trainer_view.hpp"

namespace trainbus {

// What the broker says about itself and the trainers; empty while it does not answer.
struct BrokerFigures {
  std::optional<v1::BrokerStats> stats;
  std::vector<TrainerLedger> ledgers;
  struct Standing {
    std::string session_id;
    std::uint64_t incarnation = 0;
    TrainerStanding standing;
  };
  std::vector<Standing> standings;
};

class ControlDesk {
 public:
  using Job = std::function<void(ControlClient&)>;  // must end within kTimeout of waiting, and not throw
  static constexpr std::size_t kMaxJobs = 64;
  static constexpr std::chrono::milliseconds kTimeout{1500};  // for an answer of the broker
  static constexpr std::chrono::milliseconds kFirstFigures{500};
  static constexpr std::chrono::milliseconds kFiguresInterval{5000};

  // `on_figures` is called in the desk's thread, every few seconds; none: nobody wants to know them.
  explicit ControlDesk(std::string broker, std::function<void(BrokerFigures)> on_figures = {});
  ~ControlDesk();  // forgets the jobs that wait; ends within kTimeout

  // Any thread. False when kMaxJobs wait already.
  [[nodiscard]] bool ask(Job job);
  std::size_t waiting() const;
  std::uint64_t refused() const;  // jobs, because so many waited

 private:
  void run();
  std::optional<Job> wait_for_job(std::chrono::milliseconds patience);
  bool stopping();

  const std::string broker_;
  std::function<void(BrokerFigures)> on_figures_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::uint64_t refused_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace trainbus
