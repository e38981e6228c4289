#include "producer_core.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "trainbus/knobs.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

// How often the bus threads look at what the training thread left; what comes from the broker wakes them at once. Each
// wake-up is taken from the training, so there are few.
constexpr milliseconds kRecordsTurn{10};
constexpr milliseconds kTilesTurnWatched{2};
constexpr milliseconds kTilesTurnUnwatched{50};
// What is on its way when the sockets are closed gets this long to leave, even when the deadline has passed.
constexpr milliseconds kLinger{300};

// How long start() waits to learn where it runs.
constexpr milliseconds kEnvironmentWait{1000};

// What a built-in knob has in force stands in the plan too.
void take_over(const std::vector<v1::Knob>& knobs, const std::string& changed, TrainingPlan& plan) {
  for (const auto& knob : knobs) {
    if (knob.name() != changed) continue;
    if (changed == kLearningRateKnob) plan.learning_rate = read_number(knob.value());
    if (changed == kBatchSizeKnob)
      plan.batch_size = static_cast<std::int32_t>(read_integer(knob.value()).value_or(plan.batch_size));
  }
}

// Signals belong to the program's own threads.
std::thread start_thread(const std::function<void()>& run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(run);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

Producer::Core::Core(ProducerOptions options) : state_(std::move(options), listener()) {
  if (!state_.options.broker.empty()) open();
}

Commands::Listener Producer::Core::listener() {
  return {.pause_changed =
              [this](bool paused) {
                state_.progress.pause_changed(paused, Clock::now());
                say(paused ? v1::PAUSED : v1::RUNNING, paused ? "paused" : "resumed");
              },
          .handling =
              [this] {
                const std::lock_guard lock(handling_mutex_);
                handling_ = true;
                said_meanwhile_.reset();
              },
          .handled = [this](const std::string& knob, const std::string& change) { handled(knob, change); }};
}

void Producer::Core::open() {
  zmq::context_t* context = state_.options.context;
  try {
    if (context == nullptr) {
      context_ = shared_bus_context();
      context = context_.get();
    }
    records_ = std::make_unique<RecordLane>(*context, state_);
    tiles_ = std::make_unique<TileLane>(*context, state_);
    media_ = std::make_unique<MediaLane>(state_);
    if (state_.options.meter_resources) perf_ = std::make_unique<PerfLane>(state_);
  } catch (const zmq::error_t& error) {
    throw std::invalid_argument("broker address '" + state_.options.broker + "': " + error.what());
  }
  if (!state_.options.own_threads) return describe();
  records_thread_ = start_thread([this] {
    describe();
    while (!stop_.load(std::memory_order_relaxed))
      turn_records(kRecordsTurn);
  });
  tiles_thread_ = start_thread([this] {
    while (!stop_.load(std::memory_order_relaxed))
      turn_tiles(state_.tiles.watched() ? kTilesTurnWatched : kTilesTurnUnwatched);
  });
}

void Producer::Core::describe() {
  if (!state_.options.describe_environment) return;
  try {
    state_.environment.set(environment());
  } catch (const std::exception&) {
    state_.environment.set({});  // no memory, and nobody shall wait for it
  }
}

void Producer::Core::turn_records(milliseconds timeout) {
  records_->poll_once(timeout);
  if (perf_) perf_->poll_once(Clock::now());
}

void Producer::Core::turn_tiles(milliseconds timeout) {
  tiles_->poll_once(state_.media.idle() ? timeout : milliseconds(0));
  media_->poll_once();
}

bool Producer::Core::log_perf(const PerfMetrics& perf) {
  const auto measured = state_.metered.for_training();
  if (perf.resources) return log(state_.progress.step(), &perf);
  PerfMetrics with = perf;
  with.resources = measured;
  return log(state_.progress.step(), &with);
}

bool Producer::Core::log_scalars(std::uint64_t step, const NamedValues& values) {
  const LoggedScalars scalars{state_.progress.epoch(), &values};
  return log(step, &scalars);
}

bool Producer::Core::log_media(NewMedia made) {
  std::string problem;
  if (auto* waiting = std::get_if<WaitingMedia>(&made); waiting == nullptr) {
    problem = std::get<std::string>(made);
  } else {
    waiting->timestamp_ms = unix_ms();
    waiting->step = state_.progress.step();
    const std::string name = waiting->media.name();
    problem = state_.media.offer(std::move(*waiting));
    if (problem.empty()) return true;
    problem = "media '" + name + "': " + problem;
  }
  state_.media.refuse(std::move(problem));
  return false;
}

void Producer::Core::offer_tiles(const BatchMetrics& batch, std::uint64_t step, const TileSource& source,
                                 Clock::time_point now) {
  const std::lock_guard lock(filling_mutex_);
  if (!state_.tiles.wanted(now)) return;
  TileSet& tiles = state_.tiles.filling();
  tiles.begin(batch, step, unix_ms());
  try {
    source(tiles);
  } catch (...) {
    return state_.tiles.discard();
  }
  if (tiles.count() > 0)
    state_.tiles.offer();
  else
    state_.tiles.discard();
}

bool Producer::Core::start(const TrainingPlan& plan) {
  set_plan(plan, kEnvironmentWait);
  return say(v1::RUNNING, "started");
}

bool Producer::Core::change_plan(const TrainingPlan& plan, const std::string& message) {
  set_plan(plan, milliseconds(0));
  {
    const std::lock_guard lock(handling_mutex_);
    if (handling_) {
      said_meanwhile_ = message;
      return true;
    }
  }
  return say(state_.commands.paused() ? v1::PAUSED : v1::RUNNING, message);
}

bool Producer::Core::say(v1::TrainingStatus status, const std::string& message) {
  const LoggedStatus logged{status, message, state_.plan.get(), state_.commands.knobs()};
  return log(state_.progress.step(), &logged);
}

void Producer::Core::set_plan(const TrainingPlan& plan, milliseconds wait) {
  SaidPlan said{plan, {}};
  if (auto problem = clean_plan(said.plan); !problem.empty())
    state_.problems.report(Problems::kPlan, std::move(problem), Clock::now());
  if (state_.options.describe_environment) said.environment = state_.environment.get(wait);
  if (plan.learning_rate) state_.commands.set_value(kLearningRateKnob, number_text(*plan.learning_rate));
  if (plan.batch_size > 0) state_.commands.set_value(kBatchSizeKnob, std::to_string(plan.batch_size));
  state_.plan.set(std::move(said));
}

std::uint64_t Producer::Core::own_step(std::uint64_t step) const {
  const auto said = state_.plan.get();
  const std::uint64_t first = said == nullptr ? 0 : said->plan.first_step.value_or(0);
  return step > first ? step - first : 0;
}

bool Producer::Core::offer(v1::Knob knob, Commands::KnobHandler handler, bool replace) {
  if (inherited()) return true;
  const std::string name = knob.name();
  if (auto problem = state_.commands.offer(std::move(knob), std::move(handler), replace); !problem.empty()) {
    state_.problems.report(Problems::kKnobs, std::move(problem), Clock::now());
    return false;
  }
  if (state_.plan.get() != nullptr && !off())
    say(state_.commands.paused() ? v1::PAUSED : v1::RUNNING, "offers " + clean_text(name, kMaxNameBytes));
  return true;
}

// A value changed: the plan that was said is an old one.
void Producer::Core::handled(const std::string& knob, const std::string& change) {
  std::optional<std::string> message;
  {
    const std::lock_guard lock(handling_mutex_);
    handling_ = false;
    message = std::exchange(said_meanwhile_, std::nullopt);
  }
  if (!change.empty()) state_.plan.change([&](TrainingPlan& plan) { take_over(state_.commands.knobs(), knob, plan); });
  if (!message && change.empty()) return;
  say(state_.commands.paused() ? v1::PAUSED : v1::RUNNING, message.value_or(change));
}

void Producer::Core::poll_once(milliseconds timeout) {
  if (!records_) return;
  turn_tiles(milliseconds(0));
  turn_records(timeout);
}

bool Producer::Core::all_stored() const {
  const auto accepted = state_.spool.accepted();
  return std::equal(accepted.begin(), accepted.end(), state_.stored.begin());
}

bool Producer::Core::settled() const { return all_stored() && !state_.recovering; }

void Producer::Core::wait_until(Clock::time_point until, bool (Core::*done)() const) {
  while (!(this->*done)() && Clock::now() < until) {
    if (state_.options.own_threads)
      std::this_thread::sleep_for(milliseconds(1));
    else
      poll_once(milliseconds(1));
  }
}

bool Producer::Core::close(milliseconds deadline) {
  const std::lock_guard lock(close_mutex_);
  if (!records_) return all_stored() && all_encoded_;
  const auto until = Clock::now() + deadline;
  state_.media.close();
  wait_until(until, &Core::media_idle);
  all_encoded_ = media_idle();
  state_.spool.close();
  state_.commands.interrupt();
  wait_until(until, &Core::settled);
  stop_.store(true, std::memory_order_relaxed);
  for (auto* thread : {&records_thread_, &tiles_thread_})
    if (thread->joinable()) thread->join();
  tiles_.reset();
  media_->drop_waiting();
  media_.reset();
  perf_.reset();
  state_.tiles.set_watched(false);
  if (state_.tiles.take() != nullptr) state_.tiles.dropped();
  records_->finish(kLinger);
  records_.reset();
  state_.spool.end(all_stored());
  context_.reset();
  state_.connected = false;
  return all_stored() && all_encoded_;
}

}  // namespace trainbus
