#pragma once
// The commands on their way from the bus thread, which receives them, to the training thread, which applies them.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "received_commands.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// Any thread may call anything; apply_waiting() is the training thread's. Holds no lock while a handler runs.
class Commands {
 public:
  // Called in the training thread when a pause began (true) or ended (false).
  using PauseChanged = std::function<void(bool paused)>;

  Commands(std::uint64_t incarnation, PauseChanged pause_changed)
      : pause_changed_(std::move(pause_changed)), received_(incarnation) {}

  // --- training thread
  void on_learning_rate(ValueHandler handler);
  void on_batch_size(ValueHandler handler);
  // False when apply_waiting() has nothing to do: one atomic load.
  bool need_attention() const { return attention_.load(std::memory_order_acquire); }
  // Applies what waits; while paused and `may_wait`, waits for more. False when the training should end.
  bool apply_waiting(const std::atomic<std::uint64_t>& step, bool may_wait);

  // --- any thread
  bool stop_commanded() const { return stop_commanded_.load(std::memory_order_relaxed); }
  bool paused() const { return paused_.load(std::memory_order_relaxed); }
  void interrupt();

  // --- bus thread
  void receive(const v1::ControlCommand& command, std::int64_t now_ms);
  std::vector<v1::ControlCommand> take_reports(std::int64_t now_ms);
  void report_again();

 private:
  void apply(v1::ControlCommand command, std::uint64_t step, std::unique_lock<std::mutex>& lock);
  void apply_value(v1::ControlCommand command, const ValueHandler& handler, std::uint64_t step,
                   std::unique_lock<std::mutex>& lock);
  void set_paused(bool paused, std::unique_lock<std::mutex>& lock);
  void update_attention();

  const PauseChanged pause_changed_;
  std::atomic<bool> attention_{false};
  std::atomic<bool> paused_{false};
  std::atomic<bool> stop_commanded_{false};
  std::atomic<bool> interrupted_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  ReceivedCommands received_;
  ValueHandler learning_rate_;
  ValueHandler batch_size_;
};

}  // namespace trainbus
