#pragma once
// Alerts from the journal to one channel, each at least once, in order.

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "channel.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

// Owns a thread with a Consumer of its own: the journal is the queue, so a channel that hangs holds up nobody and
// fills no memory. The position file follows each delivery; without one the channel starts with what is raised from
// now on. A failed attempt is repeated after 0.5, 1, 2 … 60 s, or when the
// server said so; a refused notice is said and dropped.
class Delivery {
 public:
  // Throws std::runtime_error with one line on a damaged position file or bad certificates. `rules` must outlive it.
  // `only_run` "": alerts of all runs.
  Delivery(const RuleSet& rules, const ChannelSpec& spec, std::string broker, std::string only_run,
           std::string position_file);
  // Ends within 200 ms; what is not delivered then is left to the next start.
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // From any thread. True once it is known where it starts: what is raised from then on is delivered.
  bool ready() const { return ready_; }
  // From any thread. One line while it fails: "channel team (https://hooks.slack.com): answer 500, tried 3 times".
  std::string problem() const;
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t redirected() const { return redirected_; }  // of the delivered

 private:
  void run();
  void find_start(Consumer& alerts);
  void take(const Record& record, const Consumer& alerts);
  bool deliver(const Notice& notice);
  void failed(const Attempt& attempt, int attempts);
  void count_redirection(const Attempt& attempt);
  void save(const StreamHeads& heads);
  bool stopped_within(std::chrono::milliseconds time) const;

  const RuleSet& rules_;
  const ChannelSpec spec_;
  const std::string broker_;
  const std::string run_;
  const std::string position_file_;
  std::optional<StreamHeads> start_;
  const std::unique_ptr<Channel> channel_;
  const std::string who_;  // "channel team (https://hooks.slack.com)"

  std::atomic<bool> stop_{false}, ready_{false};
  std::atomic<std::uint64_t> delivered_{0}, refused_{0}, redirected_{0};
  mutable std::mutex mutex_;
  std::string problem_;        // guarded
  std::string said_last_;      // the problem that was logged last
  std::string redirected_as_;  // the redirection that was logged last
  std::thread thread_;
};

}  // namespace trainbus
