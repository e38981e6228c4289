#include "commands.hpp"

#include <charconv>

#include "record_encoder.hpp"

namespace trainbus {
namespace {

// The shortest text that reads back as the same number.
std::string number_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

CommandOutcome call(const ValueHandler& handler, double value) {
  if (!handler) return Rejected{"this trainer has no handler for it"};
  try {
    return handler(value);
  } catch (const std::exception& error) {
    return Rejected{error.what()};
  } catch (...) {
    return Rejected{"the handler failed"};
  }
}

}  // namespace

void Commands::on_learning_rate(ValueHandler handler) {
  const std::lock_guard lock(mutex_);
  learning_rate_ = std::move(handler);
}

void Commands::on_batch_size(ValueHandler handler) {
  const std::lock_guard lock(mutex_);
  batch_size_ = std::move(handler);
}

bool Commands::apply_waiting(const std::atomic<std::uint64_t>& step, bool may_wait) {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (auto command = received_.take_next(unix_ms()))
      apply(std::move(*command), step, lock);
    if (!paused() || interrupted_ || stop_commanded() || !may_wait) break;
    arrived_.wait(lock, [this] { return received_.has_waiting() || interrupted_; });
  }
  update_attention();
  return !stop_commanded() && !interrupted_;
}

void Commands::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  update_attention();
  arrived_.notify_all();
}

void Commands::receive(const v1::ControlCommand& command, std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  received_.receive(command, now_ms);
  update_attention();
  arrived_.notify_all();
}

std::vector<v1::ControlCommand> Commands::take_reports(std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  received_.expire(now_ms);
  return received_.take_reports();
}

void Commands::report_again() {
  const std::lock_guard lock(mutex_);
  received_.report_again();
}

void Commands::apply(v1::ControlCommand command, std::uint64_t step, std::unique_lock<std::mutex>& lock) {
  const char* before = paused() ? "PAUSED" : "RUNNING";
  switch (command.type()) {
    case v1::PAUSE_TRAINING:
      set_paused(true, lock);
      return received_.applied(std::move(command), step, before, "PAUSED");
    case v1::RESUME_TRAINING:
      set_paused(false, lock);
      return received_.applied(std::move(command), step, before, "RUNNING");
    case v1::STOP_TRAINING:
      paused_ = false;
      stop_commanded_ = true;
      return received_.applied(std::move(command), step, before, "STOPPED");
    case v1::CHANGE_LEARNING_RATE: return apply_value(std::move(command), learning_rate_, step, lock);
    case v1::ADJUST_BATCH_SIZE: return apply_value(std::move(command), batch_size_, step, lock);
    default: return received_.rejected(std::move(command), "unknown command type");
  }
}

void Commands::apply_value(v1::ControlCommand command, const ValueHandler& handler, std::uint64_t step,
                           std::unique_lock<std::mutex>& lock) {
  const ValueHandler copy = handler;
  lock.unlock();
  const CommandOutcome outcome = call(copy, command_value(command));
  lock.lock();
  if (const auto* applied = std::get_if<Applied>(&outcome))
    received_.applied(std::move(command), step, number_text(applied->old_value), number_text(applied->new_value));
  else
    received_.rejected(std::move(command), clean_text(std::get<Rejected>(outcome).reason));
}

void Commands::set_paused(bool paused, std::unique_lock<std::mutex>& lock) {
  if (paused_.exchange(paused) == paused) return;
  lock.unlock();
  pause_changed_(paused);
  lock.lock();
}

void Commands::update_attention() {
  attention_.store(received_.has_waiting() || paused() || stop_commanded() || interrupted_, std::memory_order_release);
}

}  // namespace trainbus
