#pragma once
// The commands on their way from the bus thread, which receives them, to the training thread, which applies them.

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "received_commands.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// Any thread may call anything; apply_waiting() is the training thread's. Holds no lock of its own while a handler
// runs. Producers that one thread steps in turn hold each other up: while one waits in its pause, the thread applies
// what the others are told too, and a stop or an interruption of one ends the wait.
class Commands {
 public:
  // Called in the training thread at a step boundary, without a lock: a pause began or ended, a handler is about to
  // run, and what became of it: the knob's name and one line, or an empty line when nothing changed.
  struct Listener {
    std::function<void(bool paused)> pause_changed;
    std::function<void()> handling;
    std::function<void(const std::string& knob, const std::string& change)> handled;
    // The thread waits in the pause of another producer, `by`; empty: no longer.
    std::function<void(const std::string& by)> held;
  };
  // Takes a value that is one for the knob; the text is empty for an action.
  using KnobHandler = std::function<CommandOutcome(const std::string& value)>;

  // `step`: the last one finished; outlives this. `name`: run/trainer, for the others.
  Commands(std::uint64_t incarnation, const std::atomic<std::uint64_t>& step, std::string name, Listener listener);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

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
  // This thread steps the training from now on; cheap.
  void stepped() { stepped_by_.store(this_thread(), std::memory_order_relaxed); }
  // Applies what waits; while paused, waits for more until then (time_point::min(): never, and the others are left to
  // themselves). False when the training should end.
  bool apply_waiting(std::chrono::steady_clock::time_point wait_until);

  // Instead of apply_waiting(), for commands that somebody else carries out: the next one, and what became of it.
  std::optional<v1::ControlCommand> take();
  void answer(v1::ControlCommand command);

  // --- any thread
  bool stop_commanded() const { return stop_commanded_.load(std::memory_order_relaxed); }
  bool paused() const { return paused_.load(std::memory_order_relaxed); }
  // Paused, or waiting for another producer of its thread that is.
  bool stands() const { return paused() || held_.load(std::memory_order_relaxed); }
  void interrupt();
  // No step follows.
  void close();

  // --- bus thread
  void receive(const v1::ControlCommand& command, std::int64_t at_ms);
  std::vector<v1::ControlCommand> take_reports(std::int64_t at_ms);
  void report_again();

 private:
  struct Offered {
    v1::Knob knob;
    KnobHandler handler;
  };

  static const void* this_thread();
  bool ends() const { return stop_commanded() || interrupted_; }
  void apply_received(std::unique_lock<std::mutex>& lock);
  // For those that the calling thread steps; `end`: one of them is to end, and its step() has not said so yet.
  void apply_siblings(bool& end);
  void hold_siblings(bool hold);
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
  std::atomic<bool> end_said_{false};  // step() said that the training should end
  const std::atomic<std::uint64_t>& step_;
  const std::string name_;
  std::atomic<const void*> stepped_by_{this_thread()};
  std::atomic<bool> held_{false};  // changed under the lock of all siblings

  mutable std::mutex mutex_;  // guards what follows
  ReceivedCommands received_;
  std::vector<Offered> knobs_;  // in the order of their declaration
};

}  // namespace trainbus
