#include "commands.hpp"

#include <algorithm>

#include "record_encoder.hpp"
#include "trainbus/knobs.hpp"

namespace trainbus {
namespace {

// Clean text within its bounds, whatever the handler says or throws.
CommandOutcome call(const Commands::KnobHandler& handler, const std::string& value) {
  CommandOutcome outcome = Rejected{};
  try {
    outcome = handler(value);
  } catch (const std::exception& error) {
    outcome = Rejected{error.what()};
  } catch (...) {
  }
  if (const auto* applied = std::get_if<Applied>(&outcome))
    return Applied{clean_text(applied->old_value, kMaxKnobValueBytes),
                   clean_text(applied->new_value, kMaxKnobValueBytes)};
  const std::string reason = clean_text(std::get<Rejected>(outcome).reason, kMaxTextBytes);
  return Rejected{reason.empty() ? "the handler failed and gave no reason" : reason};
}

// What the handler left unsaid: the value before is the knob's, the one now in force the one that was asked for.
Applied completed(Applied applied, const v1::Knob& knob, const std::string& asked) {
  if (knob.type() == v1::Knob::ACTION) return applied;
  if (applied.old_value.empty()) applied.old_value = knob.value();
  if (applied.new_value.empty()) applied.new_value = asked;
  return applied;
}

// Empty, which is "not known", when it is none that the knob takes.
std::string value_in_force(const v1::Knob& knob, const std::string& value) {
  if (!knob_value_problem(knob, &value).empty()) return {};
  return knob.type() == v1::Knob::SWITCH ? (*read_switch(value) ? "on" : "off") : value;
}

std::string change_text(const v1::ControlCommand& command, const std::string& knob, const Applied& applied) {
  std::string text = "applied " + knob;
  if (!applied.old_value.empty()) text += ' ' + applied.old_value + " ->";
  if (!applied.new_value.empty()) text += ' ' + applied.new_value;
  return command.issuer().empty() ? text : text + " for " + clean_text(command.issuer(), 128);
}

// Text that is not UTF-8 would make a plan that no receiver can read.
bool is_text(const std::string& text) { return clean_text(text, text.size()) == text; }

}  // namespace

std::string Commands::offer(v1::Knob knob, KnobHandler handler, bool replace) {
  if (auto problem = knob_problem(knob); !problem.empty()) return problem;
  if (!is_text(knob.value()) || !std::ranges::all_of(knob.choices(), is_text))
    return "knob '" + knob.name() + "': a choice is not UTF-8";
  if (!handler) return "knob '" + knob.name() + "': it needs a handler";
  const std::lock_guard lock(mutex_);
  if (Offered* known = find(knob.name()); known != nullptr) {
    if (!replace) return "knob '" + knob.name() + "' is declared twice";
    if (known->knob.type() != knob.type()) known->knob = std::move(knob);
    known->handler = std::move(handler);
    return {};
  }
  if (knobs_.size() >= kMaxKnobs)
    return "knob '" + knob.name() + "': there are " + std::to_string(kMaxKnobs) + " already";
  knobs_.push_back({std::move(knob), std::move(handler)});
  return {};
}

std::vector<v1::Knob> Commands::knobs() const {
  const std::lock_guard lock(mutex_);
  std::vector<v1::Knob> knobs;
  for (const Offered& offered : knobs_)
    knobs.push_back(offered.knob);
  return knobs;
}

void Commands::set_value(std::string_view name, const std::string& value) {
  const std::lock_guard lock(mutex_);
  if (Offered* known = find(name); known != nullptr) known->knob.set_value(value_in_force(known->knob, value));
}

Commands::Offered* Commands::find(std::string_view name) {
  const auto found = std::ranges::find(knobs_, name, [](const Offered& offered) { return offered.knob.name(); });
  return found == knobs_.end() ? nullptr : &*found;
}

bool Commands::apply_waiting(const std::atomic<std::uint64_t>& step, bool may_wait) {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (auto command = received_.take_next(steady_ms()))
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

void Commands::receive(const v1::ControlCommand& command, std::int64_t at_ms) {
  const std::lock_guard lock(mutex_);
  received_.receive(command, at_ms);
  update_attention();
  arrived_.notify_all();
}

std::vector<v1::ControlCommand> Commands::take_reports(std::int64_t at_ms) {
  const std::lock_guard lock(mutex_);
  received_.expire(at_ms);
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
    default: return apply_knob(std::move(command), step, lock);
  }
}

void Commands::apply_knob(v1::ControlCommand command, std::uint64_t step, std::unique_lock<std::mutex>& lock) {
  const std::string name = command_knob(command);
  const std::string* given = command_value_text(command);
  const Offered* offered = find(name);
  if (offered == nullptr)
    return received_.rejected(std::move(command), "this trainer has no knob '" + clean_text(name, 64) + "'");
  if (const auto problem = knob_value_problem(offered->knob, given); !problem.empty())
    return received_.rejected(std::move(command), clean_text(problem, kMaxTextBytes));
  const std::string value = given == nullptr ? "" : *given;
  const KnobHandler handler = offered->handler;
  lock.unlock();
  listener_.handling();
  CommandOutcome outcome = call(handler, value);
  lock.lock();
  std::string change;
  if (auto* said = std::get_if<Applied>(&outcome)) {
    Offered* changed = find(name);
    const Applied applied = completed(std::move(*said), changed->knob, value);
    change = change_text(command, name, applied);
    if (changed->knob.type() != v1::Knob::ACTION)
      changed->knob.set_value(value_in_force(changed->knob, applied.new_value));
    received_.applied(std::move(command), step, applied.old_value, applied.new_value);
  } else {
    received_.rejected(std::move(command), std::get<Rejected>(outcome).reason);
  }
  lock.unlock();
  listener_.handled(name, change);
  lock.lock();
}

void Commands::set_paused(bool paused, std::unique_lock<std::mutex>& lock) {
  if (paused_.exchange(paused) == paused) return;
  lock.unlock();
  listener_.pause_changed(paused);
  lock.lock();
}

void Commands::update_attention() {
  attention_.store(received_.has_waiting() || paused() || stop_commanded() || interrupted_, std::memory_order_release);
}

}  // namespace trainbus
