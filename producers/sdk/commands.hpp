#pragma once
// The commands on their way from the bus thread, which receives them, to the training thread, which applies them.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "received_commands.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// Any thread may call anything; apply_waiting() is the training thread's. Holds no lock while a handler runs.
class Commands {
 public:
  // Called in the training thread at a step boundary, without a lock: a pause began or ended, a handler is about to
  // run, and what became of it: the knob's name and one line, or an empty line when nothing changed.
  struct Listener {
    std::function<void(bool paused)> pause_changed;
    std::function<void()> handling;
    std::function<void(const std::string& knob, const std::string& change)> handled;
  };
  // Takes a value that is one for the knob; the text is empty for an action.
  using KnobHandler = std::function<CommandOutcome(const std::string& value)>;

  Commands(std::uint64_t incarnation, Listener listener) : listener_(std::move(listener)), received_(incarnation) {}

  // --- training thread
  // Empty when the knob is offered from now on, else why not. `replace`: one of the same name gets the new handler, and
  // becomes this one where the type is another. Knobs are never taken back.
  std::string offer(v1::Knob knob, KnobHandler handler, bool replace);
  // With the values in force.
  std::vector<v1::Knob> knobs() const;
  // The training says itself what is in force.
  void set_value(std::string_view knob, const std::string& value);
  // False when apply_waiting() has nothing to do: one atomic load.
  bool need_attention() const { return attention_.load(std::memory_order_acquire); }
  // Applies what waits; while paused and `may_wait`, waits for more. False when the training should end.
  bool apply_waiting(const std::atomic<std::uint64_t>& step, bool may_wait);

  // --- any thread
  bool stop_commanded() const { return stop_commanded_.load(std::memory_order_relaxed); }
  bool paused() const { return paused_.load(std::memory_order_relaxed); }
  void interrupt();

  // --- bus thread
  void receive(const v1::ControlCommand& command, std::int64_t at_ms);
  std::vector<v1::ControlCommand> take_reports(std::int64_t at_ms);
  void report_again();

 private:
  struct Offered {
    v1::Knob knob;
    KnobHandler handler;
  };

  void apply(v1::ControlCommand command, std::uint64_t step, std::unique_lock<std::mutex>& lock);
  void apply_knob(v1::ControlCommand command, std::uint64_t step, std::unique_lock<std::mutex>& lock);
  Offered* find(std::string_view name);
  void set_paused(bool paused, std::unique_lock<std::mutex>& lock);
  void update_attention();

  const Listener listener_;
  std::atomic<bool> attention_{false};
  std::atomic<bool> paused_{false};
  std::atomic<bool> stop_commanded_{false};
  std::atomic<bool> interrupted_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  ReceivedCommands received_;
  std::vector<Offered> knobs_;  // in the order of their declaration
};

}  // namespace trainbus
