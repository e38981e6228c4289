#include "producer_core.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "broker_reach.hpp"
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

// A broker that is there is reached by then.
constexpr milliseconds kFirstConnection{100};
// And the disk this long, for the files of what is not stored.
constexpr milliseconds kDisk{500};

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

// "3 records (2 batch, 1 status) are"; empty when there are none.
std::string counts_text(const RecordSpool::Counts& counts) {
  std::uint64_t all = 0;
  std::string kinds;
  for (const Kind kind : kKeptKinds) {
    if (counts[kind] == 0) continue;
    all += counts[kind];
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(counts[kind]) + ' ' + std::string(kind_name(kind));
  }
  if (all == 0) return {};
  return std::to_string(all) + (all == 1 ? " record (" : " records (") + kinds + (all == 1 ? ") is" : ") are");
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
          .handled = [this](const std::string& knob, const std::string& change) { handled(knob, change); },
          .held = [this](const std::string& by) { held(by); }};
}

void Producer::Core::open() {
  zmq::context_t* context = state_.options.context;
  try {
    if (context == nullptr) {
      context_ = shared_bus_context();
      context = context_.get();
    }
    const auto key = chosen_key(state_.options.key);
    records_ = std::make_unique<RecordLane>(*context, state_, key);
    tiles_ = std::make_unique<TileLane>(*context, state_, key);
    media_ = std::make_unique<MediaLane>(state_);
    if (state_.options.meter_resources) perf_ = std::make_unique<PerfLane>(state_);
  } catch (const zmq::error_t& error) {
    throw std::invalid_argument("broker address '" + state_.options.broker + "': " + error.what());
  }
  if (!state_.options.own_threads) return describe();
  files_thread_ = start_thread([spool = state_.spool] { spool->run_files(); });
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
  return say(state_.commands.stands() ? v1::PAUSED : v1::RUNNING, message);
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
    say(state_.commands.stands() ? v1::PAUSED : v1::RUNNING, "offers " + clean_text(name, kMaxNameBytes));
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
  say(state_.commands.stands() ? v1::PAUSED : v1::RUNNING, message.value_or(change));
}

// What is paused says so itself.
void Producer::Core::answer_command(v1::ControlCommand command) {
  const bool pause = command.type() == v1::PAUSE_TRAINING;
  if (command.state() == v1::COMMAND_APPLIED && (pause || command.type() == v1::RESUME_TRAINING))
    state_.progress.pause_changed(pause, Clock::now());
  state_.commands.answer(std::move(command));
}

void Producer::Core::poll_once(milliseconds timeout) {
  if (!records_) return;
  turn_tiles(milliseconds(0));
  turn_records(timeout);
}

// It waits where another producer of this thread is paused.
void Producer::Core::held(const std::string& by) {
  state_.progress.pause_changed(!by.empty(), Clock::now());
  if (state_.plan.get() == nullptr) return;  // it has not begun
  say(by.empty() ? v1::RUNNING : v1::PAUSED, by.empty() ? "goes on" : "waits for " + by + ", which is paused");
}

bool Producer::Core::all_stored() const {
  const auto accepted = state_.spool->accepted();
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

// No broker was ever reached, and its host says that there is none: waiting would bring nothing, and what was logged is
// in the spool.
bool Producer::Core::nobody_there() const {
  if (state_.ever_linked || state_.options.spool_dir.empty() || !state_.spool->problem().empty()) return false;
  return refuses_connections(parse_endpoints(state_.options.broker));
}

void Producer::Core::end_spool(Clock::time_point until) {
  RecordSpool::Counts stored{};
  for (const Kind kind : kKeptKinds)
    stored[kind] = state_.stored[kind].load(std::memory_order_acquire);
  const auto patience = std::max<Clock::duration>(until - Clock::now(), kDisk);
  const auto left = state_.spool->end(stored, std::chrono::duration_cast<milliseconds>(patience));
  // A thread that hangs in a file system is left to it.
  if (files_thread_.joinable() && state_.spool->ended())
    files_thread_.join();
  else if (files_thread_.joinable())
    files_thread_.detach();
  {
    const std::lock_guard lock(left_mutex_);
    left_ = left;
  }
  say_what_is_left(left);
}

RecordSpool::Left Producer::Core::left() const {
  const std::lock_guard lock(left_mutex_);
  return left_;
}

void Producer::Core::say_what_is_left(const RecordSpool::Left& left) {
  const auto now = Clock::now();
  if (const auto safe = counts_text(left.in_spool); !safe.empty())
    state_.problems.report(Problems::kEnd,
                           safe + " not stored by the broker yet: safe in " + state_.options.spool_dir +
                               ", delivered by the next start of " + state_.session.id() + " or by trainbus-spool send",
                           now);
  if (const auto gone = counts_text(left.gone); !gone.empty()) {
    const auto why = state_.spool->problem();
    state_.problems.report(Problems::kGone,
                           gone + " gone: the broker did not store them in time, and " +
                               (state_.options.spool_dir.empty() ? "there is no spool folder"
                                : why.empty()                    ? "the spool does not have them"
                                                                 : "the spool cannot be used: " + why),
                           now);
  }
}

bool Producer::Core::close(milliseconds deadline) {
  const std::lock_guard lock(close_mutex_);
  if (!records_) return all_stored() && all_encoded_;
  const auto until = Clock::now() + deadline;
  state_.media.close();
  wait_until(until, &Core::media_idle);
  all_encoded_ = media_idle();
  state_.spool->close();
  state_.commands.close();
  wait_until(std::min(until, std::max(began_ + kFirstConnection, Clock::now())), &Core::settled);
  if (!nobody_there()) wait_until(until, &Core::settled);
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
  end_spool(until);
  context_.reset();
  state_.connected = false;
  return all_stored() && all_encoded_;
}

}  // namespace trainbus
