#pragma once
// What stands behind a Producer: the lanes, the threads that step them, and the end of both.

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "bus_context.hpp"
#include "media_lane.hpp"
#include "new_media.hpp"
#include "perf_lane.hpp"
#include "record_lane.hpp"
#include "tile_lane.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// As the Producer: any thread may call anything. In a forked child everything belongs to the parent (inherited()).
class Producer::Core {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Core(ProducerOptions options);

  bool inherited() const { return generation_ != process_generation(); }
  bool off() const { return state_.options.broker.empty() || inherited(); }
  TrainerState& state() { return state_; }
  const TrainerState& state() const { return state_; }

  bool log(std::uint64_t step, decltype(LoggedRecord::payload) payload) {
    return state_.spool->push({unix_ms(), step, payload});
  }
  bool log_perf(const PerfMetrics& perf);
  bool log_scalars(std::uint64_t step, const NamedValues& values);
  bool log_media(NewMedia media);
  void offer_tiles(const BatchMetrics& batch, std::uint64_t step, const TileSource& source, Clock::time_point now);

  bool start(const TrainingPlan& plan);
  bool change_plan(const TrainingPlan& plan, const std::string& message);
  bool say(v1::TrainingStatus status, const std::string& message);
  // A step of the whole training as one of this incarnation.
  std::uint64_t own_step(std::uint64_t step) const;
  bool offer(v1::Knob knob, Commands::KnobHandler handler, bool replace = false);

  bool step(Clock::time_point wait_until) {
    state_.commands.stepped();
    if (!state_.commands.need_attention() || inherited()) return true;
    return state_.commands.apply_waiting(state_.options.own_threads ? wait_until : Clock::time_point::min());
  }

  void answer_command(v1::ControlCommand command);

  void poll_once(std::chrono::milliseconds timeout);
  bool close(std::chrono::milliseconds deadline);
  // Of close(): what was not stored.
  RecordSpool::Left left() const;

 private:
  Commands::Listener listener();
  void open();
  void describe();
  void turn_records(std::chrono::milliseconds timeout);
  void turn_tiles(std::chrono::milliseconds timeout);
  bool all_stored() const;
  bool nobody_there() const;
  void end_spool(Clock::time_point until);
  void say_what_is_left(const RecordSpool::Left& left);
  void held(const std::string& by);
  bool settled() const;
  void wait_until(Clock::time_point until, bool (Core::*done)() const);
  bool media_idle() const { return state_.media.idle(); }
  void set_plan(const TrainingPlan& plan, std::chrono::milliseconds wait);
  void handled(const std::string& knob, const std::string& change);

  const unsigned generation_ = process_generation();
  const Clock::time_point began_ = Clock::now();
  TrainerState state_;
  std::mutex handling_mutex_;                  // guards what follows
  bool handling_ = false;                      // a handler runs: what it says of the plan waits for its end
  std::optional<std::string> said_meanwhile_;  // by change_plan()

  std::mutex filling_mutex_;  // one caller at a time fills tiles
  std::shared_ptr<zmq::context_t> context_;
  std::unique_ptr<RecordLane> records_;
  std::unique_ptr<TileLane> tiles_;
  std::unique_ptr<MediaLane> media_;
  std::unique_ptr<PerfLane> perf_;
  std::mutex close_mutex_;
  bool all_encoded_ = true;  // at the end
  mutable std::mutex left_mutex_;
  RecordSpool::Left left_;  // at the end
  std::atomic<bool> stop_{false};
  std::thread records_thread_;
  std::thread tiles_thread_;
  std::thread files_thread_;
};

}  // namespace trainbus
