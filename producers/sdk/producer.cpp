#include "trainbus/producer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <stdexcept>

#include "new_media.hpp"
#include "producer_core.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kOff = "off";

void require(bool good, const std::string& what) {
  if (!good) throw std::invalid_argument(what);
}

ProducerOptions checked(ProducerOptions options) {
  if (options.broker == kOff) options.broker.clear();
  for (const auto& [what, name] : {std::pair("run", options.run), std::pair("trainer", options.trainer)})
    require(valid_name(name),
            std::string(what) + " name '" + name + "' must match [A-Za-z0-9._-]{1,64}, and not of dots alone");
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

v1::Knob declared(const Knob& knob, v1::Knob::Type type, std::string value) {
  v1::Knob made;
  made.set_name(knob.name);
  made.set_type(type);
  made.set_unit(clean_text(knob.unit, kMaxKnobValueBytes));
  if (knob.min) made.set_min(*knob.min);
  if (knob.max) made.set_max(*knob.max);
  made.set_value(std::move(value));
  made.set_help(clean_text(knob.help, kMaxKnobHelpBytes));
  return made;
}

// The commands checked the text: it is a number in range.
Commands::KnobHandler number_handler(const ValueHandler& handler) {
  if (!handler) return {};
  return [handler](const std::string& text) { return handler(*read_number(text)); };
}

}  // namespace

std::string trainer_broker() {
  const char* value = std::getenv("TRAINBUS_BROKER");
  if (value == nullptr) return default_broker();
  static std::once_flag said;
  if (*value == '\0')
    std::call_once(said,
                   [] { print_problem("TRAINBUS_BROKER is empty: the bus is off; 'off' says so without a word"); });
  return *value == '\0' ? std::string(kOff) : value;
}

Applied::Applied(double before, double now) : old_value(number_text(before)), new_value(number_text(now)) {}

Producer::Producer(ProducerOptions options) : core_(std::make_unique<Core>(checked(std::move(options)))) {}

Producer::~Producer() {
  if (core_->inherited())
    static_cast<void>(core_.release());
  else
    close(std::chrono::seconds(2));
}

std::uint64_t Producer::incarnation() const { return core_->state().incarnation; }

bool Producer::connected() const { return core_->state().connected.load(std::memory_order_relaxed); }

bool Producer::start(const TrainingPlan& plan) { return core_->off() || core_->start(plan); }

bool Producer::change_plan(const TrainingPlan& plan, const std::string& message) {
  return core_->off() || core_->change_plan(plan, message);
}

bool Producer::status(v1::TrainingStatus status, const std::string& message) {
  return core_->off() || core_->say(status, message);
}

bool Producer::log_batch(const BatchMetrics& batch, const TileSource& tiles, bool record) {
  if (core_->off()) return true;
  const auto now = Clock::now();
  const std::uint64_t step = core_->state().progress.step_finished(now, batch.epoch, batch.batch);
  if (tiles) core_->offer_tiles(batch, step, tiles, now);
  return !record || core_->log(step, &batch);
}

bool Producer::log_epoch(const EpochMetrics& epoch) {
  return core_->off() || core_->log(core_->state().progress.step(), &epoch);
}

bool Producer::log_perf(const PerfMetrics& perf) { return core_->off() || core_->log_perf(perf); }

bool Producer::log_scalars(const NamedValues& values) {
  return core_->off() || core_->log_scalars(core_->state().progress.step(), values);
}

bool Producer::log_scalars(std::uint64_t step, const NamedValues& values) {
  if (core_->off()) return true;
  const auto own = core_->own_step(step);
  core_->state().progress.value_said(own, Clock::now());
  return core_->log_scalars(own, values);
}

bool Producer::log_text(std::string_view name, std::string_view text) {
  return core_->off() || core_->log_media(new_text(name, text));
}

bool Producer::log_images(std::string_view name, std::span<const MediaImage> images) {
  return core_->off() || core_->log_media(new_images(name, images));
}

bool Producer::log_histogram(std::string_view name, std::span<const double> edges, std::span<const double> counts) {
  return core_->off() || core_->log_media(new_histogram(name, edges, counts));
}

bool Producer::log_histogram(std::string_view name, std::span<const float> values, int bins) {
  return core_->off() || core_->log_media(new_histogram(name, values, bins));
}

bool Producer::log_table(std::string_view name, const MediaTable& table) {
  return core_->off() || core_->log_media(new_table(name, table));
}

bool Producer::watched() const { return core_->state().tiles.watched(); }

void Producer::expect_next_step_within(milliseconds time) {
  core_->state().progress.promise_until(Clock::now() + std::min<milliseconds>(time, std::chrono::hours(24)));
}

void Producer::on_learning_rate(ValueHandler handler) {
  core_->offer(declared({.name = std::string(kLearningRateKnob)}, v1::Knob::NUMBER, {}), number_handler(handler), true);
}

void Producer::on_batch_size(ValueHandler handler) {
  core_->offer(declared({.name = std::string(kBatchSizeKnob)}, v1::Knob::INTEGER, {}), number_handler(handler), true);
}

bool Producer::on_number(const Knob& knob, double value, ValueHandler handler) {
  return core_->offer(declared(knob, v1::Knob::NUMBER, number_text(value)), number_handler(handler));
}

bool Producer::on_integer(const Knob& knob, std::int64_t value, IntegerHandler handler) {
  return core_->offer(
      declared(knob, v1::Knob::INTEGER, std::to_string(value)),
      handler ? [handler](const std::string& text) { return handler(*read_integer(text)); } : Commands::KnobHandler{});
}

bool Producer::on_choice(const Knob& knob, std::vector<std::string> choices, const std::string& value,
                         ChoiceHandler handler) {
  v1::Knob made = declared(knob, v1::Knob::CHOICE, value);
  made.mutable_choices()->Add(choices.begin(), choices.end());
  return core_->offer(std::move(made), std::move(handler));
}

bool Producer::on_switch(const Knob& knob, bool value, SwitchHandler handler) {
  return core_->offer(
      declared(knob, v1::Knob::SWITCH, value ? "on" : "off"),
      handler ? [handler](const std::string& text) { return handler(*read_switch(text)); } : Commands::KnobHandler{});
}

bool Producer::on_action(const Knob& knob, ActionHandler handler) {
  return core_->offer(declared(knob, v1::Knob::ACTION, {}),
                      handler ? [handler](const std::string&) { return handler(); } : Commands::KnobHandler{});
}

bool Producer::step() { return core_->step(Clock::time_point::max()); }

StepResult Producer::step_within(milliseconds longest_pause) {
  if (!core_->step(Clock::now() + std::clamp<milliseconds>(longest_pause, {}, std::chrono::hours(24))))
    return StepResult::kEnd;
  return paused() ? StepResult::kPaused : StepResult::kGoOn;
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
    counters.by_kind[kind].stored = state.stored[kind].load(std::memory_order_acquire);
  const auto accepted = state.spool->accepted();  // after stored: never less
  const auto left = core_->left();
  for (std::size_t kind = 0; kind < counters.by_kind.size(); ++kind) {
    ProducerCounters::Records& records = counters.by_kind[kind];
    const std::uint64_t lost = state.lost[kind].load(std::memory_order_relaxed);
    counters.accepted += records.accepted = accepted[kind];
    counters.stored += records.stored -= std::min(lost, records.stored);
    counters.lost += records.lost = lost + left.gone[kind];
    counters.in_spool += left.in_spool[kind];
  }
  counters.in_outbox =
      counters.accepted - counters.stored - std::min(counters.lost, counters.accepted - counters.stored);
  counters.resent = state.resent.load(std::memory_order_relaxed);
  counters.refused = state.spool->refused();
  counters.values_refused = state.spool->refused_values().count;
  counters.records_cut = state.spool->cut_records().count;
  counters.media_refused = state.media.refused().count;
  counters.spool_failed = state.spool->unsafe();
  counters.recovered = state.recovered.load(std::memory_order_relaxed);
  const v1::TileLedger tiles = state.tiles.ledger();
  counters.tiles_produced = tiles.produced();
  counters.tiles_skipped_no_demand = tiles.skipped_no_demand();
  counters.tiles_dropped_at_source = tiles.dropped_at_source();
  counters.tiles_sent = tiles.sent();
  return counters;
}

std::string Producer::spool_problem() const { return core_->inherited() ? "" : core_->state().spool->problem(); }

std::string Producer::broker_problem() const {
  if (core_->inherited()) return {};
  const std::lock_guard lock(core_->state().broker_problem_mutex);
  return core_->state().broker_problem;
}

std::optional<v1::ControlCommand> Producer::take_command() {
  return core_->inherited() ? std::nullopt : core_->state().commands.take();
}

void Producer::answer_command(v1::ControlCommand command) {
  if (!core_->inherited()) core_->answer_command(std::move(command));
}

void Producer::poll_once(milliseconds timeout) {
  if (!core_->inherited()) core_->poll_once(timeout);
}

}  // namespace trainbus
