#pragma once
// The producer SDK: what a training loop says to the bus, and what it is told.
//
//   trainbus::Producer bus({.run = "mnist", .trainer = "t0"});
//   bus.on_learning_rate([&](double lr) { return trainbus::Applied{set_lr(lr), lr}; });
//   bus.start({.total_epochs = 10, .batches_per_epoch = 500, .batch_size = 64});
//   for (...) {
//     if (!bus.step()) break;                      // commands are applied here; a pause waits here
//     ...train one batch...
//     bus.log_batch({.epoch = e, .batch = b, .batch_size = 64, .loss = loss, .scalars = {{"grad_norm", norm}}});
//   }
//   bus.finish(trainbus::v1::COMPLETED);
//
// A value that is left out is not said; NaN and infinity are values, and arrive as what they are.
// Nothing here blocks (but step() while paused, start(), finish() and close()), and nothing throws after the
// constructor. A broker that is absent, dies or comes back costs the loop nothing. In a forked child every call returns
// at once: the sockets are the parent's, and a child that trains makes a Producer of its own.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "trainbus/endpoints.hpp"
#include "trainbus/named_values.hpp"
#include "trainbus/spool.hpp"
#include "trainbus/wire.hpp"

namespace zmq {
class context_t;
}

namespace trainbus {

// "trainbus: LINE" on stderr.
void print_problem(const std::string& line);

// $TRAINBUS_BROKER; unset: tcp://127.0.0.1:7760. "off" and "" switch the bus off; the empty one, which may be a
// mistake, says so once on stderr.
std::string trainer_broker();

struct ProducerOptions {
  std::string run;                        // [A-Za-z0-9._-]{1,64}
  std::string trainer;                    // the same
  std::string broker = trainer_broker();  // "off" or "": every call returns at once, nothing is kept
  // The file of the key to show the broker (trainbus-keys); "": $TRAINBUS_KEY, else this user's own, if there is one;
  // "off": none. A file that cannot be used is an error of the constructor, as a bad address is.
  std::string key = {};
  std::chrono::milliseconds heartbeat_interval{2000};

  double max_tile_rate_hz = 60;  // batches with tiles per second, at most; viewers may ask for less; 0: no limit
  int tile_pixels = 256;         // longer side after resizing (area); 512 at most; never scaled up
  int jpeg_quality = 85;

  // Records wait here until the broker says they are stored: a kill -9 loses none, and the next start of the same
  // trainer delivers what is left, to the same broker only. The training never waits for this folder; what happens to
  // its files costs safety, which is counted and said, and nothing else. "", or a folder that cannot be used: in
  // memory. Past the bounds log_* refuses.
  std::string spool_dir = default_spool_dir();
  std::size_t spool_bytes = std::size_t{1} << 30;  // of this trainer's files, earlier incarnations included
  std::size_t outbox_records = 1 << 17;            // in memory at once
  std::size_t outbox_bytes = 64 << 20;

  // Sent with the plan as parameters "env/...": host, command line (without the values of passwords, tokens and their
  // like), git commit and branch of the working folder, device, os, user, pid. A parameter of the plan with the same
  // name replaces it.
  bool describe_environment = true;
  // CPU and memory of this process, and GPUs through NVML where there are any, in the perf records; measured once a
  // second, in the records thread, while steps are made. Who never calls log_perf() gets one every 5 s with new steps:
  // the rates that the steps show, pauses left out, and the time left where the plan says epochs and batches.
  bool meter_resources = true;

  // Told what a person should know: a refused broker connection, names refused, a spool that cannot be used. One line
  // each, at most once a minute for each kind of problem; from any thread. The default writes "trainbus: ..." to
  // stderr.
  std::function<void(const std::string& line)> on_problem = print_problem;

  std::string client_name = "trainbus_producer";
  bool own_threads = true;            // false: the caller steps poll_once() (load generators)
  bool counts_refused = true;         // false: the caller keeps a record that is refused, and logs it again
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
  std::optional<double> loss = {};
  std::optional<double> accuracy = {};              // 0..1
  std::optional<double> learning_rate = {};         // in force for this batch
  std::span<const Prediction> predictions = {};     // copied; optional
  std::span<const std::int32_t> ground_truth = {};  // copied; optional
  NamedValues scalars = {};                         // {{"gen_loss", g}, {"grad_norm", n}}
};

struct EpochMetrics {
  std::int32_t epoch = 0;
  std::optional<double> average_loss = {};
  std::optional<double> average_accuracy = {};
  std::optional<double> learning_rate = {};
  bool is_converged = false;
  std::optional<double> validation_loss = {};
  std::optional<double> validation_accuracy = {};
  NamedValues scalars = {};
};

// What this process uses.
struct Resources {
  std::optional<double> cpu_percent = {};    // of one core: 200 is two cores
  std::optional<double> memory_mb = {};      // resident
  std::optional<double> gpu_percent = {};    // of the busiest GPU that this process uses
  std::optional<double> gpu_memory_mb = {};  // over the GPUs that this process uses
};

struct PerfMetrics {
  std::optional<double> time_per_batch_ms = {};
  std::optional<double> total_time_for_epoch_sec = {};
  std::optional<double> estimated_time_remaining_sec = {};
  std::optional<double> current_fps = {};   // batches per second, recent
  std::optional<double> average_fps = {};   // batches per second, whole run
  std::optional<Resources> resources = {};  // absent: what the SDK measured, see meter_resources
};

struct TrainingPlan {
  std::int32_t total_epochs = 0;
  std::int32_t batches_per_epoch = 0;
  std::int32_t batch_size = 0;
  std::optional<double> learning_rate = {};
  std::string model_name = {};
  std::string dataset_name = {};
  std::vector<std::string> class_names = {};
  std::map<std::string, std::string> parameters = {};  // settings of the run; a name has the grammar of scalars
  std::vector<std::string> tags = {};
  std::string notes = {};
  // Steps that earlier incarnations did, of a training that goes on from a checkpoint: its curve continues there. 0: it
  // begins anew. Absent: the curve is placed by epoch and batch.
  std::optional<std::uint64_t> first_step = {};
};

// A picture for log_images. `pixels`: height rows of `width * channels` bytes, `row_bytes` apart (0: packed); channels
// 1 (grey) or 3 (RGB, interleaved); sides up to 8192. Copied before the call returns.
struct MediaImage {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  int channels = 3;
  std::size_t row_bytes = 0;
  std::string_view caption = {};  // a label, optional
};

// values[row * columns.size() + column]. A confusion matrix has the true class as its rows.
struct MediaTable {
  std::vector<std::string> columns;
  std::vector<std::string> rows;
  std::vector<double> values;
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
                   std::int32_t truth, const Prediction& prediction, std::string_view image_id = {}) = 0;
};
using TileSource = std::function<void(TileBatch&)>;

// What a command handler answers: the value before and the one now in force; empty: as they were known and asked for.
// An action says what came of it.
struct Applied {
  Applied(double before, double now);
  Applied(std::string before, std::string now) : old_value(std::move(before)), new_value(std::move(now)) {}
  explicit Applied(std::string result = {}) : new_value(std::move(result)) {}

  std::string old_value;
  std::string new_value;
};
struct Rejected {
  std::string reason;  // one line
};
using CommandOutcome = std::variant<Applied, Rejected>;
using ValueHandler = std::function<CommandOutcome(double value)>;
using IntegerHandler = std::function<CommandOutcome(std::int64_t value)>;
using ChoiceHandler = std::function<CommandOutcome(const std::string& value)>;
using SwitchHandler = std::function<CommandOutcome(bool on)>;
using ActionHandler = std::function<CommandOutcome()>;

// What people may change or ask for while the training runs.
struct Knob {
  std::string name;                // [A-Za-z0-9._-]{1,64}
  std::string unit = {};           // "1/s"
  std::optional<double> min = {};  // inclusive; of on_number and on_integer
  std::optional<double> max = {};
  std::string help = {};  // one line
};

// What a step boundary found.
enum class StepResult { kGoOn, kPaused, kEnd };

// What the bus did with what it was given. Records: accepted = stored + in_outbox + lost.
struct ProducerCounters {
  struct Records {
    std::uint64_t accepted = 0;
    std::uint64_t stored = 0;
    std::uint64_t lost = 0;
  };
  std::array<Records, v1::Kind_ARRAYSIZE> by_kind{};  // [v1::KIND_BATCH], ...

  std::uint64_t accepted = 0;
  std::uint64_t stored = 0;  // the broker's journal has it
  std::uint64_t in_outbox = 0;
  std::uint64_t in_spool = 0;  // after close(): of in_outbox, what the next start delivers
  std::uint64_t lost = 0;      // gone: at close() neither stored nor in the spool, or their files were taken or damaged
  std::uint64_t resent = 0;
  std::uint64_t refused = 0;         // log_* returned false: spool full or closed
  std::uint64_t values_refused = 0;  // named values left out: a bad name, or one past kMaxValueNames
  std::uint64_t records_cut = 0;     // over 1 MiB: they went out without predictions, ground truth or class names
  std::uint64_t media_refused = 0;   // log_text, ... returned false, or a picture could not be encoded
  std::uint64_t spool_failed = 0;    // taken while their file could not be written: they were in memory only
  std::uint64_t recovered = 0;       // records of earlier owners, delivered by this one
  std::uint64_t tiles_produced = 0;  // produced = skipped_no_demand + dropped_at_source + sent
  std::uint64_t tiles_skipped_no_demand = 0;
  std::uint64_t tiles_dropped_at_source = 0;
  std::uint64_t tiles_sent = 0;
};

// One trainer's connection to the bus. Any thread may call any function; calls from several are serialised, and the
// order within a kind is the order of the calls. Owns three threads (records and commands; tiles; the spool's files)
// and two connections, a third while somebody watches its tiles.
class Producer {
 public:
  // Throws std::invalid_argument with one line when a name or the address is outside its grammar.
  explicit Producer(ProducerOptions options);
  ~Producer();  // close(2 s)
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  std::uint64_t incarnation() const;
  bool connected() const;  // the broker answered our HELLO, and was heard since

  // Says RUNNING with the plan, the knobs and the environment. Called once, before the first batch. Waits for the
  // environment, which takes milliseconds, at most 1 s. Parameters with a bad name, those past kMaxValueNames and tags
  // past 64 are left out, with one line to on_problem.
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
  // Named values at any time. A value with a bad name, and one with a new name when there are kMaxValueNames already,
  // is left out and counted (values_refused); the rest goes out. `step` counts over the whole training, the first_step
  // of the plan included; without it the step that was finished last. A step beyond all before is progress: a training
  // that says values alone is not stalled while it does.
  bool log_scalars(const NamedValues& values);
  bool log_scalars(std::uint64_t step, const NamedValues& values);

  // --- something to look at -------------------------------------------------------------------------------------
  // Copied here, encoded in the tile thread within some 50 ms, then kept like every record, in the order of the calls;
  // a kill before that loses it. False, with media_refused counted and one line to on_problem, when the name or the
  // content is bad, when a record would be over 1 MiB, or when more than 64 MiB wait to be encoded.
  bool log_text(std::string_view name, std::string_view text);
  // At most 64 pictures; shrunk (area) to 1024 pixels, less when their JPEGs do not fit into 1 MiB.
  bool log_images(std::string_view name, std::span<const MediaImage> images);
  // counts[i] values lie in [edges[i], edges[i + 1]).
  bool log_histogram(std::string_view name, std::span<const double> edges, std::span<const double> counts);
  // Counts `values` in `bins` equal bins from the smallest to the largest; what is not finite is left out.
  bool log_histogram(std::string_view name, std::span<const float> values, int bins = 64);
  bool log_table(std::string_view name, const MediaTable& table);

  // True while somebody watches this trainer's tiles: one atomic load.
  bool watched() const;

  // Promises silence of the training loop (a checkpoint, a validation) for at most this long, so that it is not
  // called stalled.
  void expect_next_step_within(std::chrono::milliseconds time);

  // --- commands -------------------------------------------------------------------------------------------------
  // Called at a step boundary, in the thread that calls step(), with a value that was checked for its range.
  // A command without a handler is rejected and says so.
  // These two are the knobs learning_rate and batch_size; a later call replaces the handler.
  void on_learning_rate(ValueHandler handler);
  void on_batch_size(ValueHandler handler);
  // Declares a knob, which start() tells everybody; after start() the plan is said again. `value` is the one in force.
  // False, with one line to on_problem, when the declaration is bad, its name is taken or there are 64. A value out of
  // range is refused by the broker already, and never reaches the handler.
  bool on_number(const Knob& knob, double value, ValueHandler handler);
  bool on_integer(const Knob& knob, std::int64_t value, IntegerHandler handler);
  bool on_choice(const Knob& knob, std::vector<std::string> choices, const std::string& value, ChoiceHandler handler);
  bool on_switch(const Knob& knob, bool value, SwitchHandler handler);
  bool on_action(const Knob& knob, ActionHandler handler);

  // The step boundary: applies what arrived since the last call; while paused it waits here, up to a stop or a
  // resume (heartbeats go on, values can be changed). False when the training should end: a stop was commanded, or
  // interrupt() or close() was called. Without commands it costs one atomic load.
  // With own_threads = false it never waits: look at paused().
  // Several producers that one thread steps in turn pause together: while one is paused the thread stands in its
  // step(), the others say that they wait for it, and what they are told is applied there too. Each pause needs its own
  // resume (or `RUN/*`); a stop of one of them ends the wait with false.
  bool step();
  // The same, but a pause is waited out at most so long: then kPaused, and the caller looks at its signals and calls
  // again. kEnd: the training should end.
  StepResult step_within(std::chrono::milliseconds longest_pause);
  bool stop_commanded() const;
  bool paused() const;
  // From a signal handler's flag or another thread: step() returns false from now on, also out of a pause.
  void interrupt();

  // Says COMPLETED, FAILED or STOPPED and closes.
  bool finish(v1::TrainingStatus status, const std::string& message = {},
              std::chrono::milliseconds deadline = std::chrono::seconds(2));
  // Waits until all media are encoded and the broker has stored everything, also what earlier incarnations left, at
  // most `deadline`; where no broker was ever reached and this host refuses connections to it, no longer than 0.2 s
  // after the start. True when everything of this incarnation was stored; what was not stays in the spool for the next
  // start (a line to on_problem says how much, another one what is gone), but media that were not encoded are refused.
  // Further log_* calls return false.
  bool close(std::chrono::milliseconds deadline);

  ProducerCounters counters() const;
  // Why records are not kept in spool_dir; empty while they are.
  std::string spool_problem() const;
  // Why the broker refuses this trainer, in its words; empty while it does not.
  std::string broker_problem() const;

  // For a program that carries commands to a trainer elsewhere, instead of step(); with own_threads = false. The next
  // one to pass on, which counts as delivered; whoever has it answers it, with its state (APPLIED, REJECTED, EXPIRED),
  // the step, the old and new value or the reason. One that is never answered ends as UNKNOWN with this incarnation.
  std::optional<v1::ControlCommand> take_command();
  void answer_command(v1::ControlCommand command);

  // With own_threads = false only: one turn of both loops; waits at most `timeout` when there is nothing to do.
  void poll_once(std::chrono::milliseconds timeout);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
