#ifndef TRAINBUS_PRODUCER_HPP_CXX17
#define TRAINBUS_PRODUCER_HPP_CXX17
// What a training loop says to the bus, and what it is told, in C++17: a header over the C ABI of trainbus.h. A program
// that includes it links libtrainbus_producer.so, which shows nothing but that ABI: any number of shared objects that
// use it, in any versions, and whatever else they link, live in one process.
//
//   trainbus::Options options;
//   options.run = "mnist";
//   options.trainer = "t0";
//   trainbus::Producer bus(options);
//   bus.on_learning_rate([&](double rate) { set_rate(rate); return trainbus::Applied{}; });
//   bus.start();
//   while (more && bus.step()) {                  // commands are applied here; a pause waits here
//     trainbus::Batch batch;
//     batch.loss = train_one_batch();
//     bus.log_batch(batch, {{"grad_norm", norm}});
//   }
//   bus.finish(trainbus::Status::kCompleted);
//
// A value that is left out is not said; NaN and infinity are values. Nothing here blocks (but step() while paused,
// start(), finish() and close()), and nothing throws after the constructor, but out of memory. What log_* and their
// like are given is read before they return. In a forked child every call returns at once.
//
// The static library's header of the same name (C++20, namespace trainbus too) is another one: a source file includes
// one of them.

#include <trainbus.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace trainbus {
// So that no symbol of it is one of the static library's.
inline namespace over_c_abi {

struct Options {
  std::string run;      // [A-Za-z0-9._-]{1,64}
  std::string trainer;  // the same
  std::optional<std::string>
      broker;  // tcp://HOST:PORT; absent: the environment's TRAINBUS_BROKER; "off": sends nothing
  std::optional<std::string> spool_dir;             // absent: the default; "": records wait in memory
  std::uint64_t spool_bytes = 0;                    // on disk; 0: 1 GiB
  std::chrono::milliseconds heartbeat_interval{0};  // 0: 2 s
  double max_tile_rate_hz = 0;                      // batches with tiles per second; 0: 60
  int tile_pixels = 0;                              // longer side after resizing, 1 to 512; 0: 256
  int jpeg_quality = 0;                             // 1 to 100; 0: 85
  bool describe_environment = true;                 // host, command line, commit and their like go with the plan
  bool meter_resources = true;                      // CPU, memory and GPU of this process
  std::string client_name = "trainbus/producer.hpp";
  // Told what a person should know, one line each, from any thread; empty: "trainbus: LINE" on stderr.
  std::function<void(const std::string& line)> on_problem;
};

struct Plan {
  int total_epochs = 0;  // 0: not known; so the next two
  int batches_per_epoch = 0;
  int batch_size = 0;
  std::optional<double> learning_rate;
  std::string model_name;
  std::string dataset_name;
  std::vector<std::string> class_names;
  std::map<std::string, std::string> parameters;
  std::vector<std::string> tags;
  std::string notes;
  std::optional<std::uint64_t> first_step;  // steps that earlier processes of a resumed training did
};

// {{"loss/critic", c}, {"grad_norm", g}}; a name has 1 to 128 bytes, '/' groups. Names are not copied: they outlive the
// call that these are given to.
class Values {
 public:
  Values() = default;
  Values(std::initializer_list<trainbus_value> values) : values_(values) {}
  Values(std::vector<trainbus_value> values) : values_(std::move(values)) {}
  Values(const std::map<std::string, double>& values) {
    for (const auto& each : values)
      values_.push_back({each.first.c_str(), each.second});
  }
  const trainbus_value* data() const { return values_.data(); }
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<trainbus_value> values_;
};

struct Score {
  std::int32_t class_idx = -1;
  std::string label;
  float score = 0;  // 0..1
};

struct Prediction {
  std::int32_t predicted_class = -1;
  std::string label;
  float confidence = 0;      // 0..1
  std::vector<Score> top_k;  // best first
};

struct Batch {
  int epoch = 0;  // from 1; 0: not said
  int batch = 0;  // from 0 within the epoch
  int batch_size = 0;
  std::optional<double> loss;
  std::optional<double> accuracy;       // 0..1
  std::optional<double> learning_rate;  // in force for this batch
  std::vector<Prediction> predictions;
  std::vector<std::int32_t> ground_truth;
  bool record = true;  // false: only the step and the tiles count
};

struct Epoch {
  int epoch = 0;  // from 1
  std::optional<double> average_loss;
  std::optional<double> average_accuracy;
  std::optional<double> learning_rate;
  std::optional<double> validation_loss;
  std::optional<double> validation_accuracy;
  bool is_converged = false;
};

// height rows of width * channels bytes, row_bytes apart (0: packed); channels 1 (grey) or 3 (RGB, interleaved).
struct Picture {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  int channels = 3;
  std::size_t row_bytes = 0;
  std::string caption;
};

// The value before and the one now in force; empty: as they were known and asked for. An action: what came of it.
struct Applied {
  std::string old_value;
  std::string new_value;
};
struct Rejected {
  std::string reason;  // one line
};
using Outcome = std::variant<Applied, Rejected>;

// What people may change or ask for while the training runs.
struct Knob {
  std::string name;           // [A-Za-z0-9._-]{1,64}
  std::optional<double> min;  // inclusive
  std::optional<double> max;
  std::string unit;
  std::string help;  // one line
};

enum class Status {
  kInitializing = TRAINBUS_INITIALIZING,
  kRunning = TRAINBUS_RUNNING,
  kPaused = TRAINBUS_PAUSED,
  kCompleted = TRAINBUS_COMPLETED,
  kFailed = TRAINBUS_FAILED,
  kStopped = TRAINBUS_STOPPED
};

enum class StepResult { kEnd = TRAINBUS_END, kGoOn = TRAINBUS_GO, kPaused = TRAINBUS_HELD };

// The tiles of one batch, while the callback of log_batch() runs.
class Tiles {
 public:
  explicit Tiles(trainbus_tiles* tiles) : tiles_(tiles) {}
  // How many more are taken, 16 at first.
  int room() const { return trainbus_tiles_room(tiles_); }
  // Copies the pixels; sides up to 2048. False, and nothing copied, when full or a size is out of range.
  bool add(const Picture& picture, std::int32_t truth = -1, const Prediction* prediction = nullptr,
           const std::string& image_id = {});

 private:
  trainbus_tiles* tiles_;
};

// One trainer's connection to the bus. Any thread may call anything but the destructor; handlers run in the thread that
// calls step(). What a handler throws rejects the command with its words. Can be moved while nobody calls it.
class Producer {
 public:
  using TileSource = std::function<void(Tiles&)>;

  // Throws std::invalid_argument with one line when a name, a number or the address is outside its grammar, and
  // std::runtime_error when the library that was loaded is older than this header.
  explicit Producer(const Options& options);

  std::uint64_t incarnation() const { return trainbus_incarnation(get()); }
  bool connected() const { return trainbus_connected(get()) != 0; }
  // The C ABI's own; this object keeps it.
  trainbus_producer* get() const { return producer_.get(); }

  bool start(const Plan& plan = {});
  bool change_plan(const Plan& plan, const std::string& message);

  // Each returns false when the record was refused (spool full, closed), and counted.
  bool log_batch(const Batch& batch, const Values& values = {}) { return log_batch(batch, values, {}); }
  // `tiles` runs in this thread, before the call returns, and only when somebody watches.
  bool log_batch(const Batch& batch, const Values& values, const TileSource& tiles);
  bool log_epoch(const Epoch& epoch, const Values& values = {});
  bool log(const Values& values) { return log(TRAINBUS_LAST_STEP, values); }
  bool log(std::uint64_t step, const Values& values) {
    return trainbus_log_values(get(), step, values.data(), values.size()) != 0;
  }

  bool log_text(const std::string& name, const std::string& text) {
    return trainbus_log_text(get(), name.c_str(), text.c_str()) != 0;
  }
  // At most 64, sides up to 8192; shrunk to 1024 pixels.
  bool log_images(const std::string& name, const std::vector<Picture>& pictures);
  // counts[i] values lie in [edges[i], edges[i + 1]); false, too, unless there is one edge more than counts.
  bool log_histogram(const std::string& name, const std::vector<double>& edges, const std::vector<double>& counts) {
    return edges.size() == counts.size() + 1 &&
           trainbus_log_histogram(get(), name.c_str(), edges.data(), counts.data(), counts.size()) != 0;
  }
  bool log_distribution(const std::string& name, const std::vector<float>& values, int bins = 64) {
    return trainbus_log_distribution(get(), name.c_str(), values.data(), values.size(), bins) != 0;
  }
  // values[row * columns.size() + column]; false, too, unless there are so many.
  bool log_table(const std::string& name, const std::vector<std::string>& columns, const std::vector<std::string>& rows,
                 const std::vector<double>& values);

  bool watched() const { return trainbus_watched(get()) != 0; }
  void expect_next_step_within(std::chrono::milliseconds time) {
    trainbus_expect_next_step_within(get(), time.count());
  }

  // False, and a line to on_problem, when it is badly declared, the name is taken, or there are 64.
  bool on_learning_rate(std::function<Outcome(double)> handler) {
    return on_number({"learning_rate", {}, {}, {}, {}}, 0, std::move(handler));
  }
  bool on_batch_size(std::function<Outcome(std::int64_t)> handler) {
    return on_integer({"batch_size", {}, {}, {}, {}}, 0, std::move(handler));
  }
  bool on_number(const Knob& knob, double value, std::function<Outcome(double)> handler);
  bool on_integer(const Knob& knob, std::int64_t value, std::function<Outcome(std::int64_t)> handler);
  bool on_choice(const Knob& knob, const std::vector<std::string>& choices, const std::string& value,
                 std::function<Outcome(const std::string&)> handler);
  bool on_switch(const Knob& knob, bool value, std::function<Outcome(bool)> handler);
  bool on_action(const Knob& knob, std::function<Outcome()> handler);

  // The step boundary: applies commands, waits while paused. False when the training should end.
  bool step() { return trainbus_step(get(), TRAINBUS_FOREVER) == TRAINBUS_GO; }
  // Comes back from a pause after so long, for a loop that must look at signals.
  StepResult step_within(std::chrono::milliseconds longest_pause) {
    return static_cast<StepResult>(trainbus_step(get(), longest_pause.count()));
  }
  bool paused() const { return trainbus_paused(get()) != 0; }
  bool stop_commanded() const { return trainbus_stop_commanded(get()) != 0; }
  void interrupt() { trainbus_interrupt(get()); }

  bool say(Status status, const std::string& message = {}) {
    return trainbus_say(get(), static_cast<int>(status), message.c_str()) != 0;
  }
  // Says it and closes: true when the broker has stored everything; the rest waits in the spool for the next start.
  bool finish(Status status, const std::string& message = {},
              std::chrono::milliseconds deadline = std::chrono::seconds(2)) {
    return trainbus_finish(get(), static_cast<int>(status), message.c_str(), deadline.count()) != 0;
  }
  bool close(std::chrono::milliseconds deadline) { return trainbus_close(get(), deadline.count()) != 0; }

  trainbus_counters counters() const {
    trainbus_counters counters{};
    counters.size = sizeof counters;
    trainbus_count(get(), &counters);
    return counters;
  }
  // Why the broker refuses this trainer, or records are not kept in the spool; empty when all is well.
  std::string problem() const;

 private:
  using TextHandler = std::function<Outcome(const std::string&)>;
  struct Free {
    void operator()(trainbus_producer* producer) const { trainbus_free(producer); }
  };
  bool offer(const Knob& knob, trainbus_knob_type type, const std::string& value, TextHandler handler,
             const std::vector<std::string>& choices = {});

  // Behind pointers: the library keeps the addresses. Freed after the producer, which is the last to use them.
  std::unique_ptr<std::function<void(const std::string&)>> on_problem_;
  std::vector<std::unique_ptr<TextHandler>> handlers_;
  std::unique_ptr<trainbus_producer, Free> producer_;
};

}  // namespace over_c_abi
}  // namespace trainbus

#include "trainbus/producer_inline.hpp"

#endif
