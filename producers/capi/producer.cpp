// trainbus.h on top of trainbus::Producer: opening, the plan, the end.

#include <cmath>
#include <limits>

#include "handle.hpp"

using namespace trainbus;
using capi::guarded;
using capi::read;
using capi::string;
using capi::strings;

namespace {

constexpr std::chrono::hours kLongest{24 * 365};

std::chrono::milliseconds milliseconds(std::int64_t ms) {
  return std::clamp<std::chrono::milliseconds>(std::chrono::milliseconds(ms), {}, kLongest);
}

ProducerOptions producer_options(const trainbus_options& given) {
  ProducerOptions options;
  options.run = string(given.run);
  options.trainer = string(given.trainer);
  if (given.broker != nullptr) options.broker = given.broker;
  if (given.key != nullptr) options.key = given.key;
  if (given.spool_dir != nullptr) options.spool_dir = given.spool_dir;
  if (given.spool_bytes != 0) options.spool_bytes = given.spool_bytes;
  if (given.heartbeat_ms != 0) options.heartbeat_interval = milliseconds(given.heartbeat_ms);
  if (given.max_tile_rate_hz != 0) options.max_tile_rate_hz = given.max_tile_rate_hz;
  if (given.tile_pixels != 0) options.tile_pixels = given.tile_pixels;
  if (given.jpeg_quality != 0) options.jpeg_quality = given.jpeg_quality;
  options.describe_environment = given.no_environment == 0;
  options.meter_resources = given.no_metering == 0;
  options.client_name = given.client_name == nullptr ? "trainbus.h" : given.client_name;
  if (given.on_problem != nullptr)
    options.on_problem = [tell = given.on_problem, user = given.user](const std::string& line) {
      tell(user, line.c_str());
    };
  return options;
}

TrainingPlan training_plan(const trainbus_plan& given) {
  TrainingPlan plan{.total_epochs = given.total_epochs,
                    .batches_per_epoch = given.batches_per_epoch,
                    .batch_size = given.batch_size,
                    .model_name = string(given.model_name),
                    .dataset_name = string(given.dataset_name),
                    .class_names = strings(given.class_names, given.class_name_count),
                    .tags = strings(given.tags, given.tag_count),
                    .notes = string(given.notes)};
  if ((given.said & TRAINBUS_LEARNING_RATE) != 0) plan.learning_rate = given.learning_rate;
  if ((given.said & TRAINBUS_FIRST_STEP) != 0) plan.first_step = given.first_step;
  for (std::size_t i = 0; i < given.parameter_count; ++i)
    plan.parameters[string(given.parameters[i].name)] = string(given.parameters[i].value);
  return plan;
}

// Cut to the room there is, and ended.
std::size_t copy_line(std::string_view line, char* to, std::size_t size) {
  if (to != nullptr && size != 0) {
    const std::size_t length = std::min(line.size(), size - 1);
    std::memcpy(to, line.data(), length);
    to[length] = '\0';
  }
  return line.size();
}

}  // namespace

int trainbus_abi(void) { return TRAINBUS_ABI; }

const char* trainbus_version(void) { return TRAINBUS_VERSION; }

trainbus_producer* trainbus_open(const trainbus_options* options, char* why, size_t why_size) {
  try {
    copy_line("", why, why_size);
    return new trainbus_producer(producer_options(read(options)));
  } catch (const std::exception& error) {
    copy_line(error.what(), why, why_size);
    return nullptr;
  }
}

void trainbus_free(trainbus_producer* producer) { delete producer; }

uint64_t trainbus_incarnation(const trainbus_producer* producer) { return producer->bus.incarnation(); }

int trainbus_connected(const trainbus_producer* producer) { return producer->bus.connected(); }

int trainbus_start(trainbus_producer* producer, const trainbus_plan* plan) {
  return guarded(0, [&] { return int{producer->bus.start(training_plan(read(plan)))}; });
}

int trainbus_change_plan(trainbus_producer* producer, const trainbus_plan* plan, const char* message) {
  return guarded(0, [&] { return int{producer->bus.change_plan(training_plan(read(plan)), string(message))}; });
}

int trainbus_say(trainbus_producer* producer, int status, const char* message) {
  return guarded(0, [&] {
    return int{v1::TrainingStatus_IsValid(status) &&
               producer->bus.status(static_cast<v1::TrainingStatus>(status), string(message))};
  });
}

int trainbus_finish(trainbus_producer* producer, int status, const char* message, int64_t deadline_ms) {
  trainbus_say(producer, status, message);
  return trainbus_close(producer, deadline_ms);
}

int trainbus_close(trainbus_producer* producer, int64_t deadline_ms) {
  return guarded(0, [&] { return int{producer->bus.close(milliseconds(deadline_ms))}; });
}

void trainbus_count(const trainbus_producer* producer, trainbus_counters* counters) {
  guarded(0, [&] {
    const ProducerCounters now = producer->bus.counters();
    const trainbus_counters all{.size = counters->size,
                                .accepted = now.accepted,
                                .stored = now.stored,
                                .in_outbox = now.in_outbox,
                                .resent = now.resent,
                                .refused = now.refused,
                                .values_refused = now.values_refused,
                                .media_refused = now.media_refused,
                                .spool_failed = now.spool_failed,
                                .recovered = now.recovered,
                                .tiles_produced = now.tiles_produced,
                                .tiles_skipped_no_demand = now.tiles_skipped_no_demand,
                                .tiles_dropped_at_source = now.tiles_dropped_at_source,
                                .tiles_sent = now.tiles_sent};
    std::memcpy(counters, &all, std::min(counters->size, sizeof all));
    return 0;
  });
}

size_t trainbus_problem(const trainbus_producer* producer, char* line, size_t size) {
  return guarded(std::size_t{0}, [&] {
    const std::string broker = producer->bus.broker_problem();
    return copy_line(broker.empty() ? producer->bus.spool_problem() : broker, line, size);
  });
}
