#include "commands.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <new>

#include "record_encoder.hpp"
#include "trainbus/knobs.hpp"

namespace trainbus {
namespace {

// All of this process, because one thread may step several.
struct Siblings {
  std::recursive_mutex mutex;  // guards `all`, and that none of them ends while it is used
  std::vector<Commands*> all;

  std::uint64_t news() {
    const std::lock_guard lock(news_mutex);
    return news_count;
  }
  void tell() {
    const std::lock_guard lock(news_mutex);
    ++news_count;
    arrived.notify_all();
  }
  void wait(std::uint64_t seen, std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(news_mutex);
    const auto more = [&] { return news_count != seen; };
    if (until == std::chrono::steady_clock::time_point::max())
      arrived.wait(lock, more);
    else
      arrived.wait_until(lock, until, more);
  }

 private:
  std::mutex news_mutex;
  std::condition_variable arrived;
  std::uint64_t news_count = 0;
};
// Never destroyed: a producer may outlive every static. A forked child begins with none, and with a mutex that nobody
// holds: the parent's producers are not its own.
Siblings& siblings() {
  static auto* const instance = new Siblings;
  static const int watched = pthread_atfork(nullptr, nullptr, [] { new (&siblings()) Siblings; });
  static_cast<void>(watched);
  return *instance;
}

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

Commands::Commands(std::uint64_t incarnation, const std::atomic<std::uint64_t>& step, std::string name,
                   Listener listener)
    : listener_(std::move(listener)), step_(step), name_(std::move(name)), received_(incarnation) {
  const std::lock_guard lock(siblings().mutex);
  siblings().all.push_back(this);
}

Commands::~Commands() {
  const std::lock_guard lock(siblings().mutex);
  std::erase(siblings().all, this);
}

const void* Commands::this_thread() {
  static thread_local const char its_own = 0;
  return &its_own;
}

bool Commands::apply_waiting(std::chrono::steady_clock::time_point wait_until) {
  const bool may_wait = wait_until != std::chrono::steady_clock::time_point::min();
  bool end = false;
  for (;;) {
    const std::uint64_t news = siblings().news();
    {
      std::unique_lock lock(mutex_);
      apply_received(lock);
    }
    end = ends();
    if (!may_wait || !paused() || end) break;
    apply_siblings(end);
    if (end || std::chrono::steady_clock::now() >= wait_until) break;
    hold_siblings(true);
    siblings().wait(news, wait_until);
  }
  if (may_wait && (!paused() || end)) hold_siblings(false);
  if (ends()) end_said_ = true;
  return !end;
}

void Commands::apply_received(std::unique_lock<std::mutex>& lock) {
  while (auto command = received_.take_next(steady_ms()))
    apply(std::move(*command), step_, lock);
  update_attention();
}

void Commands::apply_siblings(bool& end) {
  const std::lock_guard all(siblings().mutex);
  for (std::size_t i = 0; i < siblings().all.size(); ++i) {  // a handler may make a producer
    Commands& sibling = *siblings().all[i];
    if (&sibling == this || sibling.stepped_by_ != this_thread()) continue;
    std::unique_lock lock(sibling.mutex_);
    sibling.apply_received(lock);
    end = end || (sibling.ends() && !sibling.end_said_);
  }
}

// A pause of its own is what it says of itself.
void Commands::hold_siblings(bool hold) {
  const std::lock_guard all(siblings().mutex);
  for (std::size_t i = 0; i < siblings().all.size(); ++i) {
    Commands& sibling = *siblings().all[i];
    if (&sibling == this || sibling.held_ == hold || sibling.stepped_by_ != stepped_by_) continue;
    if (hold && (sibling.paused() || sibling.ends())) continue;
    sibling.held_ = hold;
    if (!sibling.paused() && !sibling.ends()) sibling.listener_.held(hold ? name_ : "");
  }
}

void Commands::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  update_attention();
  siblings().tell();
}

void Commands::close() {
  end_said_ = true;
  interrupt();
  hold_siblings(false);
}

void Commands::receive(const v1::ControlCommand& command, std::int64_t at_ms) {
  const std::lock_guard lock(mutex_);
  received_.receive(command, at_ms);
  update_attention();
  siblings().tell();
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

std::optional<v1::ControlCommand> Commands::take() {
  const std::lock_guard lock(mutex_);
  auto command = received_.take_next(steady_ms());
  update_attention();
  return command;
}

void Commands::answer(v1::ControlCommand command) {
  const bool applied = command.state() == v1::COMMAND_APPLIED;
  const std::string name = command_knob(command);
  std::string change;
  {
    const std::lock_guard lock(mutex_);
    if (applied && command.type() == v1::PAUSE_TRAINING) paused_ = true;
    if (applied && command.type() == v1::RESUME_TRAINING) paused_ = false;
    if (Offered* changed = find(name); applied && changed != nullptr) {
      change = change_text(command, name, Applied{command.old_value(), command.new_value()});
      if (changed->knob.type() != v1::Knob::ACTION)
        changed->knob.set_value(value_in_force(changed->knob, command.new_value()));
    }
    received_.answered(std::move(command));
  }
  if (!change.empty()) listener_.handled(name, change);
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
