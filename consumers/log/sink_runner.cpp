#include "sink_runner.hpp"

#include <spdlog/spdlog.h>

#include "trainbus/state_dir.hpp"

namespace trainbus {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kRecordsPerTurn = 1000;
constexpr milliseconds kTurn{50};

milliseconds since(Clock::time_point then, Clock::time_point now) {
  return std::chrono::duration_cast<milliseconds>(now - then);
}

std::unique_ptr<PositionFile> position_of(const SinkPlan& plan, const std::string& state_dir) {
  if (plan.type->position != TRAINBUS_SINK_HOST_KEEPS) return nullptr;
  return std::make_unique<PositionFile>(chosen_state_dir(state_dir, "log"), plan);
}

}  // namespace

SinkRunner::SinkRunner(SinkPlan plan, const Options& options)
    : options_(options),
      sink_(std::move(plan), options.broker),
      position_(position_of(sink_.plan(), options.state_dir)),
      feed_(sink_, position_.get()) {
  report_.label = sink_.plan().label;
  report_.hash = sink_.plan().hash();
  report_.archive = sink_.plan().archive;
}

SinkRunner::~SinkRunner() {
  if (thread_.joinable()) thread_.join();
}

void SinkRunner::start() {
  report_time_ = complete_ = Clock::now();
  thread_ = std::thread([this] {
    run();
    bus_.reset();
    ended_.set_value();
  });
}

std::optional<std::string> SinkRunner::opening(milliseconds wait) const {
  if (is_opened_.wait_for(wait) != std::future_status::ready) return std::nullopt;
  return is_opened_.get();
}

bool SinkRunner::ended(milliseconds wait) const {
  return !thread_.joinable() || has_ended_.wait_for(wait) == std::future_status::ready;
}

template <typename Action>
bool SinkRunner::attempt(Action action) {
  try {
    action();
    return true;
  } catch (const std::exception& error) {
    bus_.reset();
    feed_.fail(error.what(), Clock::now());
  }
  return false;
}

void SinkRunner::run() {
  auto heads = feed_.open(Clock::now());
  if (heads) attempt([&] { connect(std::move(*heads)); });
  publish(Clock::now());
  opened_.set_value(feed_.away() ? feed_.failure() : "");
  while (!stopping_ && !feed_.over())
    attempt([this] { turn(); });
  if (bus_) feed_.finish(Clock::now(), bus_->heads());
  note_on_disk();
  publish(Clock::now());
}

void SinkRunner::note_on_disk() {
  if (plan().archive.empty() || !bus_ || feed_.away() || feed_.syncs() == noted_syncs_) return;
  noted_syncs_ = feed_.syncs();
  if (report_.on_disk && *report_.on_disk == bus_->heads()) return;
  auto heads = std::make_shared<const StreamHeads>(bus_->heads());
  const std::lock_guard lock(mutex_);
  report_.on_disk = std::move(heads);
}

void SinkRunner::connect(StreamHeads heads) {
  ConsumerOptions options{.broker = options_.broker};
  plan().filter.narrow(options);
  options.history = plan().type->position != TRAINBUS_SINK_LIVE;
  options.heads = std::move(heads);
  bus_.emplace(std::move(options));
  drained_ = false;
}

void SinkRunner::turn() {
  const auto now = Clock::now();
  if (feed_.away()) {
    bus_.reset();
    if (auto heads = feed_.retry(now))
      connect(std::move(*heads));
    else
      std::this_thread::sleep_for(kTurn);
    publish(now);
    return;
  }
  drained_ = false;
  for (int i = 0; i < kRecordsPerTurn && !feed_.away(); ++i) {
    const Record* record = bus_->next(i == 0 ? kTurn : milliseconds(0));
    drained_ = record == nullptr;
    if (drained_) break;
    if (plan().filter.passes(*record)) feed_.offer(*record, now);
  }
  feed_.turn(now, bus_->heads());
  note_on_disk();
  publish(now);
}

void SinkRunner::publish(Clock::time_point now) {
  if (bus_ && drained_ && bus_->caught_up() && !feed_.away()) complete_ = now;
  sink_.limits().look(steady_ms());
  const std::lock_guard lock(mutex_);
  report_time_ = now;
  report_.written = feed_.written();
  report_.failures = feed_.failures();
  report_.over = feed_.over() ? feed_.failure() : "";
  report_.failure = feed_.troubled() && !feed_.over() ? feed_.failure() : "";
  report_.journal_trouble = bus_ ? bus_->journal_trouble() : "";
  report_.port_trouble = bus_ ? bus_->port_trouble() : "";
  report_.connected = bus_ && bus_->connected();
  report_.caught_up = bus_ && drained_ && bus_->caught_up() && !feed_.away();
  if (bus_) report_.progress = bus_->progress();
  report_.behind = since(complete_, now);
  report_.unsynced = since(feed_.synced(), now);
}

SinkReport SinkRunner::report() const {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  auto report = report_;
  report.limits = sink_.limits().biting();
  report.limits_met = sink_.limits().met();
  const auto old = since(report_time_, now);
  report.behind += old > 2 * kTurn ? old : milliseconds(0);
  report.unsynced += old;
  const auto since_ms = sink_.busy_since_ms();
  if (since_ms != 0 && steady_ms() - since_ms >= options_.blocked_after.count()) {
    report.blocked = std::string(sink_.busy_with()) + " has not returned for " +
                     std::to_string((steady_ms() - since_ms) / 1000) + " s";
    report.caught_up = false;
  }
  return report;
}

}  // namespace trainbus
