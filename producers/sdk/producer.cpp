#include "trainbus/producer.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <thread>

#include "bus_context.hpp"
#include "record_lane.hpp"
#include "tile_lane.hpp"
#include "trainer_state.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How often the bus threads look at what the training thread left; what comes from the broker wakes them at once. Each
// wake-up is taken from the training, so there are few.
constexpr milliseconds kRecordsTurn{10};
constexpr milliseconds kTilesTurnWatched{2};
constexpr milliseconds kTilesTurnUnwatched{50};
// What is on its way when the sockets are closed gets this long to leave, even when the deadline has passed.
constexpr milliseconds kLinger{300};

void require(bool good, const std::string& what) {
  if (!good) throw std::invalid_argument(what);
}

ProducerOptions checked(ProducerOptions options) {
  for (const auto& [what, name] : {std::pair("run", options.run), std::pair("trainer", options.trainer)})
    require(valid_name(name), std::string(what) + " name '" + name + "' must match [A-Za-z0-9._-]{1,64}");
  require(options.tile_pixels >= 1 && options.tile_pixels <= kMaxImagePixels,
          "tile_pixels " + std::to_string(options.tile_pixels) + " must be 1 to " + std::to_string(kMaxImagePixels));
  require(options.jpeg_quality >= 1 && options.jpeg_quality <= 100,
          "jpeg_quality " + std::to_string(options.jpeg_quality) + " must be 1 to 100");
  require(std::isfinite(options.max_tile_rate_hz) && options.max_tile_rate_hz >= 0,
          "max_tile_rate_hz " + std::to_string(options.max_tile_rate_hz) + " must not be negative");
  require(options.heartbeat_interval >= milliseconds(1), "heartbeat_interval must be at least 1 ms");
  if (!options.broker.empty())
    require(parse_endpoints(options.broker).base_port != 0,
            "broker address '" + options.broker + "': a trainer needs a port to connect to");
  return options;
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

// The lanes, the threads that step them, and the end of both.
class Producer::Core {
 public:
  explicit Core(ProducerOptions options)
      : state_(checked(std::move(options)), [this](bool paused) { say_paused(paused); }) {
    if (!state_.options.broker.empty()) open();
  }

  // In a forked child everything belongs to the parent.
  bool inherited() const { return generation_ != process_generation(); }
  bool off() const { return state_.options.broker.empty() || inherited(); }

  TrainerState& state() { return state_; }
  const TrainerState& state() const { return state_; }

  bool log(std::uint64_t step, decltype(LoggedRecord::payload) payload) {
    return state_.spool.push({unix_ms(), step, std::move(payload)});
  }
  bool say(v1::TrainingStatus status, const std::string& message) {
    return log(state_.progress.step(), LoggedStatus{status, message, plan()});
  }
  void set_plan(const TrainingPlan& plan) {
    auto copy = std::make_shared<const TrainingPlan>(plan);
    const std::lock_guard lock(plan_mutex_);
    plan_ = std::move(copy);
  }

  void offer_tiles(const BatchMetrics& batch, std::uint64_t step, const TileSource& source, Clock::time_point now) {
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

  void poll_once(milliseconds timeout) {
    if (!records_) return;
    tiles_->poll_once(milliseconds(0));
    records_->poll_once(timeout);
  }

  bool close(milliseconds deadline) {
    const std::lock_guard lock(close_mutex_);
    if (!records_) return all_stored();
    state_.spool.close();
    state_.commands.interrupt();
    const auto until = Clock::now() + deadline;
    while ((!all_stored() || state_.recovering) && Clock::now() < until) {
      if (state_.options.own_threads)
        std::this_thread::sleep_for(milliseconds(1));
      else
        poll_once(milliseconds(1));
    }
    stop_.store(true, std::memory_order_relaxed);
    for (auto* thread : {&records_thread_, &tiles_thread_})
      if (thread->joinable()) thread->join();
    tiles_.reset();
    state_.tiles.set_watched(false);
    if (state_.tiles.take() != nullptr) state_.tiles.dropped();
    records_->finish(kLinger);
    records_.reset();
    state_.spool.end(all_stored());
    context_.reset();
    state_.connected = false;
    return all_stored();
  }

 private:
  void open() {
    zmq::context_t* context = state_.options.context;
    try {
      if (context == nullptr) {
        context_ = shared_bus_context();
        context = context_.get();
      }
      records_ = std::make_unique<RecordLane>(*context, state_);
      tiles_ = std::make_unique<TileLane>(*context, state_);
    } catch (const zmq::error_t& error) {
      throw std::invalid_argument("broker address '" + state_.options.broker + "': " + error.what());
    }
    if (!state_.options.own_threads) return;
    records_thread_ = start_thread([this] {
      while (!stop_.load(std::memory_order_relaxed))
        records_->poll_once(kRecordsTurn);
    });
    tiles_thread_ = start_thread([this] {
      while (!stop_.load(std::memory_order_relaxed))
        tiles_->poll_once(state_.tiles.watched() ? kTilesTurnWatched : kTilesTurnUnwatched);
    });
  }

  bool all_stored() const {
    const auto accepted = state_.spool.accepted();
    return std::equal(accepted.begin(), accepted.end(), state_.stored.begin());
  }

  std::shared_ptr<const TrainingPlan> plan() {
    const std::lock_guard lock(plan_mutex_);
    return plan_;
  }
  void say_paused(bool paused) { say(paused ? v1::PAUSED : v1::RUNNING, paused ? "paused" : "resumed"); }

  const unsigned generation_ = process_generation();
  TrainerState state_;
  std::mutex plan_mutex_;
  std::shared_ptr<const TrainingPlan> plan_;
  std::mutex filling_mutex_;  // one caller at a time fills tiles

  std::shared_ptr<zmq::context_t> context_;
  std::unique_ptr<RecordLane> records_;
  std::unique_ptr<TileLane> tiles_;
  std::mutex close_mutex_;
  std::atomic<bool> stop_{false};
  std::thread records_thread_;
  std::thread tiles_thread_;
};

Producer::Producer(ProducerOptions options) : core_(std::make_unique<Core>(std::move(options))) {}

Producer::~Producer() {
  if (core_->inherited())
    static_cast<void>(core_.release());
  else
    close(std::chrono::seconds(2));
}

std::uint64_t Producer::incarnation() const { return core_->state().incarnation; }

bool Producer::connected() const { return core_->state().connected.load(std::memory_order_relaxed); }

bool Producer::start(const TrainingPlan& plan) {
  if (core_->off()) return true;
  core_->set_plan(plan);
  return core_->say(v1::RUNNING, "started");
}

bool Producer::change_plan(const TrainingPlan& plan, const std::string& message) {
  if (core_->off()) return true;
  core_->set_plan(plan);
  return core_->say(paused() ? v1::PAUSED : v1::RUNNING, message);
}

bool Producer::status(v1::TrainingStatus status, const std::string& message) {
  return core_->off() || core_->say(status, message);
}

bool Producer::log_batch(const BatchMetrics& batch, const TileSource& tiles, bool record) {
  if (core_->off()) return true;
  const auto now = Clock::now();
  const std::uint64_t step = core_->state().progress.step_finished(now);
  if (tiles) core_->offer_tiles(batch, step, tiles, now);
  if (!record) return true;
  return core_->log(step, batch);
}

bool Producer::log_epoch(const EpochMetrics& epoch) {
  return core_->off() || core_->log(core_->state().progress.step(), epoch);
}

bool Producer::log_perf(const PerfMetrics& perf) {
  return core_->off() || core_->log(core_->state().progress.step(), perf);
}

bool Producer::watched() const { return core_->state().tiles.watched(); }

void Producer::expect_next_step_within(milliseconds time) {
  core_->state().progress.promise_until(Clock::now() + std::min<milliseconds>(time, std::chrono::hours(24)));
}

void Producer::on_learning_rate(ValueHandler handler) { core_->state().commands.on_learning_rate(std::move(handler)); }

void Producer::on_batch_size(ValueHandler handler) { core_->state().commands.on_batch_size(std::move(handler)); }

bool Producer::step() {
  TrainerState& state = core_->state();
  if (!state.commands.need_attention()) return true;
  if (core_->inherited()) return true;
  return state.commands.apply_waiting(state.progress.step(), state.options.own_threads);
}

bool Producer::stop_commanded() const { return core_->state().commands.stop_commanded(); }

bool Producer::paused() const { return core_->state().commands.paused(); }

void Producer::interrupt() {
  if (!core_->inherited()) core_->state().commands.interrupt();
}

bool Producer::finish(v1::TrainingStatus said, const std::string& message, milliseconds deadline) {
  status(said, message);
  return close(deadline);
}

bool Producer::close(milliseconds deadline) { return core_->inherited() || core_->close(deadline); }

ProducerCounters Producer::counters() const {
  ProducerCounters counters;
  if (core_->inherited()) return counters;
  const TrainerState& state = core_->state();
  for (std::size_t kind = 0; kind < counters.by_kind.size(); ++kind)
    counters.stored += counters.by_kind[kind].stored = state.stored[kind].load(std::memory_order_acquire);
  const auto accepted = state.spool.accepted();  // after stored: never less
  for (std::size_t kind = 0; kind < counters.by_kind.size(); ++kind)
    counters.accepted += counters.by_kind[kind].accepted = accepted[kind];
  counters.in_outbox = counters.accepted - counters.stored;
  counters.resent = state.resent.load(std::memory_order_relaxed);
  counters.refused = state.spool.refused();
  counters.spool_failed = state.spool.unsafe();
  counters.recovered = state.recovered.load(std::memory_order_relaxed);
  const v1::TileLedger tiles = state.tiles.ledger();
  counters.tiles_produced = tiles.produced();
  counters.tiles_skipped_no_demand = tiles.skipped_no_demand();
  counters.tiles_dropped_at_source = tiles.dropped_at_source();
  counters.tiles_sent = tiles.sent();
  return counters;
}

std::string Producer::spool_problem() const { return core_->inherited() ? "" : core_->state().spool.problem(); }

void Producer::poll_once(milliseconds timeout) {
  if (!core_->inherited()) core_->poll_once(timeout);
}

}  // namespace trainbus
