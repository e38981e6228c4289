#pragma once
// The producer SDK: what a training loop says to the bus, and what it is told.
//
//   trainbus::Producer bus({.run = "mnist", .trainer = "t0"});
//   bus.on_learning_rate([&](double lr) { return trainbus::Applied{set_lr(lr), lr}; });
//   bus.start({.total_epochs = 10, .batches_per_epoch = 500, .batch_size = 64});
//   for (...) {
//     if (!bus.step()) break;                      // commands are applied here; a pause waits here
//     ...train one batch...
//     bus.log_batch({.epoch = e, .batch = b, .batch_size = 64, .loss = loss, .accuracy = acc});
//   }
//   bus.finish(trainbus::v1::COMPLETED);
//
// Nothing here blocks (but step() while paused, finish() and close()), and nothing throws after the constructor.
// A broker that is absent, dies or comes back costs the loop nothing. In a forked child every call returns at once: the
// sockets are the parent's, and a child that trains makes a Producer of its own.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "trainbus/endpoints.hpp"
#include "trainbus/spool.hpp"
#include "trainbus/wire.hpp"

namespace zmq {
class context_t;
}

namespace trainbus {

struct ProducerOptions {
  std::string run;                        // [A-Za-z0-9._-]{1,64}
  std::string trainer;                    // the same
  std::string broker = default_broker();  // "" : off, every call returns at once
  std::chrono::milliseconds heartbeat_interval{2000};

  double max_tile_rate_hz = 60;  // batches with tiles per second, at most; viewers may ask for less; 0: no limit
  int tile_pixels = 256;         // longer side after resizing (area); 512 at most; never scaled up
  int jpeg_quality = 85;

  // Records wait in files here until the broker says they are stored: a kill -9 loses none, and the next start of the
  // same trainer delivers what is left. "", or a folder that cannot be used: in memory. Past the bounds log_* refuses.
  std::string spool_dir = default_spool_dir();
  std::size_t spool_bytes = std::size_t{1} << 30;  // on disk, in steps of 4 MiB
  std::size_t outbox_records = 1 << 17;            // in memory at once
  std::size_t outbox_bytes = 64 << 20;

  std::string client_name = "trainbus_producer";
  bool own_threads = true;            // false: the caller steps poll_once() (load generators)
  zmq::context_t* context = nullptr;  // nullptr: one context for all producers of the process
};

struct Prediction {
  std::int32_t predicted_class = -1;
  std::string label = {};
  float confidence = 0;  // 0..1
  struct Score {
    std::int32_t class_idx = -1;
    std::string label = {};
    float score = 0;
  };
  std::vector<Score> top_k = {};  // best first
};

struct BatchMetrics {
  std::int32_t epoch = 0;  // from 1
  std::int32_t batch = 0;  // from 0 within the epoch
  std::int32_t batch_size = 0;
  double loss = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();  // 0..1
  double learning_rate = 0;                                    // 0: not said
  std::span<const Prediction> predictions = {};                // copied; optional
  std::span<const std::int32_t> ground_truth = {};             // copied; optional
};

struct EpochMetrics {
  std::int32_t epoch = 0;
  double average_loss = 0;
  double average_accuracy = 0;
  double learning_rate = 0;
  bool is_converged = false;
  double validation_loss = std::numeric_limits<double>::quiet_NaN();      // NaN: none
  double validation_accuracy = std::numeric_limits<double>::quiet_NaN();  // NaN: none
};

struct PerfMetrics {
  double time_per_batch_ms = 0;
  double total_time_for_epoch_sec = 0;
  double estimated_time_remaining_sec = 0;
  double current_fps = 0;
  double average_fps = 0;
  double cpu_percent = -1;  // < 0: no resource usage in the record
  double memory_mb = 0;
  double gpu_percent = 0;
  double gpu_memory_mb = 0;
};

struct TrainingPlan {
  std::int32_t total_epochs = 0;
  std::int32_t batches_per_epoch = 0;
  std::int32_t batch_size = 0;
  double learning_rate = 0;
  std::string model_name = {};
  std::string dataset_name = {};
  std::vector<std::string> class_names = {};
};

// The tiles of one batch, filled by the callback of log_batch in the training thread. Copies, nothing else: the
// resizing and the JPEG happen in the tile thread.
class TileBatch {
 public:
  virtual ~TileBatch() = default;
  // How many more tiles are taken (16 at first).
  virtual int room() const = 0;
  // `pixels`: height rows of `width * channels` bytes, `row_bytes` apart (0: packed); channels 1 (grey) or 3 (RGB,
  // interleaved); sides up to 2048. Read before the call returns. False, and nothing copied, when full or a size is
  // out of range.
  virtual bool add(const std::uint8_t* pixels, int width, int height, int channels, std::size_t row_bytes,
                   std::int32_t truth, const Prediction& prediction, std::int64_t image_id = 0) = 0;
};
using TileSource = std::function<void(TileBatch&)>;

// What a command handler answers.
struct Applied {
  double old_value = 0;
  double new_value = 0;
};
struct Rejected {
  std::string reason;  // one line
};
using CommandOutcome = std::variant<Applied, Rejected>;
using ValueHandler = std::function<CommandOutcome(double value)>;

// What the bus did with what it was given. Records: accepted = stored + in_outbox.
struct ProducerCounters {
  struct Records {
    std::uint64_t accepted = 0;
    std::uint64_t stored = 0;
  };
  std::array<Records, v1::Kind_ARRAYSIZE> by_kind{};  // [v1::KIND_BATCH], ...

  std::uint64_t accepted = 0;
  std::uint64_t stored = 0;  // the broker's journal has it
  std::uint64_t in_outbox = 0;
  std::uint64_t resent = 0;
  std::uint64_t refused = 0;         // log_* returned false: spool full or closed
  std::uint64_t spool_failed = 0;    // taken into memory, because the spool cannot be used: a kill would lose them
  std::uint64_t recovered = 0;       // records of earlier lives, delivered by this one
  std::uint64_t tiles_produced = 0;  // produced = skipped_no_demand + dropped_at_source + sent
  std::uint64_t tiles_skipped_no_demand = 0;
  std::uint64_t tiles_dropped_at_source = 0;
  std::uint64_t tiles_sent = 0;
};

// One trainer's connection to the bus. Any thread may call any function; calls from several are serialised, and the
// order within a kind is the order of the calls. Owns two threads (records and commands; tiles) and three sockets.
class Producer {
 public:
  // Throws std::invalid_argument with one line when a name or the address is outside its grammar.
  explicit Producer(ProducerOptions options);
  ~Producer();  // close(2 s)
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  std::uint64_t incarnation() const;
  bool connected() const;  // the broker answered our HELLO, and was heard since

  // Says RUNNING with the plan. Called once, before the first batch.
  bool start(const TrainingPlan& plan);
  // The plan has changed since (another batch size means another number of batches): says it again, with what happened,
  // and RUNNING or PAUSED as it is.
  bool change_plan(const TrainingPlan& plan, const std::string& message);
  // Says any other status, with a message for people.
  bool status(v1::TrainingStatus status, const std::string& message = {});

  // Each returns false only when the record was not taken (closed, or the spool is full): it is then counted as
  // refused. A taken record is never lost, also when this process is killed at once.
  // log_batch counts one step. `tiles` runs, in this thread and before the call returns, only when somebody
  // watches and the rate allows another.
  // Without `record` only the tiles and the step count (batch records every N-th).
  bool log_batch(const BatchMetrics& batch, const TileSource& tiles = {}, bool record = true);
  bool log_epoch(const EpochMetrics& epoch);
  bool log_perf(const PerfMetrics& perf);

  // True while somebody watches this trainer's tiles: one atomic load.
  bool watched() const;

  // Promises silence of the training loop (a checkpoint, a validation) for at most this long, so that it is not
  // called stalled.
  void expect_next_step_within(std::chrono::milliseconds time);

  // --- commands -------------------------------------------------------------------------------------------------
  // Called at a step boundary, in the thread that calls step(), with a value that was checked for its range.
  // A command without a handler is rejected and says so.
  void on_learning_rate(ValueHandler handler);
  void on_batch_size(ValueHandler handler);

  // The step boundary: applies what arrived since the last call; while paused it waits here, up to a stop or a
  // resume (heartbeats go on, values can be changed). False when the training should end: a stop was commanded, or
  // interrupt() or close() was called. Without commands it costs one atomic load.
  // With own_threads = false it never waits: look at paused().
  bool step();
  bool stop_commanded() const;
  bool paused() const;
  // From a signal handler's flag or another thread: step() returns false from now on, also out of a pause.
  void interrupt();

  // Says COMPLETED or FAILED and closes.
  bool finish(v1::TrainingStatus status, const std::string& message = {},
              std::chrono::milliseconds deadline = std::chrono::seconds(2));
  // Waits until the broker has stored everything, also what earlier lives left, at most `deadline`. True when
  // everything of this life was stored; what was not stays in the spool for the next start. Further log_* calls return
  // false.
  bool close(std::chrono::milliseconds deadline);

  ProducerCounters counters() const;
  // Why records are not kept in spool_dir; empty while they are.
  std::string spool_problem() const;

  // With own_threads = false only: one turn of both loops; waits at most `timeout` when there is nothing to do.
  void poll_once(std::chrono::milliseconds timeout);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
