#include "log_writer.hpp"

#include <algorithm>

namespace trainbus {
namespace {

constexpr int kRecordsPerTurn = 1000;

// What both have.
StreamHeads common(const StreamHeads& one, const StreamHeads& other) {
  StreamHeads both;
  for (const auto& [stream, sequence] : one)
    if (const auto found = other.find(stream); found != other.end())
      both.emplace_hint(both.end(), stream, std::min(sequence, found->second));
  return both;
}

}  // namespace

LogWriter::LogWriter(ConsumerOptions bus, std::vector<std::unique_ptr<Sink>> sinks, Time now)
    : options_(std::move(bus)) {
  for (auto& sink : sinks)
    sinks_.emplace_back(std::move(sink)).open(now);
  connect();
}

void LogWriter::connect() {
  auto options = options_;
  std::optional<StreamHeads> heads;
  for (const auto& sink : sinks_)
    if (!sink.away()) heads = heads ? common(*heads, sink.heads()) : sink.heads();
  options.heads = heads.value_or(StreamHeads{});
  bus_.emplace(std::move(options));
  drained_ = false;
}

void LogWriter::poll_once(Time now, std::chrono::milliseconds timeout) {
  drained_ = false;
  for (int i = 0; i < kRecordsPerTurn; ++i) {
    const Record* record = bus_->next(i == 0 ? timeout : std::chrono::milliseconds(0));
    drained_ = record == nullptr;
    if (drained_) break;
    for (auto& sink : sinks_)
      sink.offer(*record, now);
  }
  bool came_back = false;
  for (auto& sink : sinks_)
    came_back |= sink.turn(now);
  if (came_back) connect();
}

void LogWriter::finish(Time now) {
  for (auto& sink : sinks_)
    sink.finish(now);
}

bool LogWriter::caught_up() const { return drained_ && bus_->caught_up() && away() == nullptr; }

std::uint64_t LogWriter::written() const {
  std::uint64_t most = 0;
  for (const auto& sink : sinks_)
    most = std::max(most, sink.written());
  return most;
}

const SinkFeed* LogWriter::away() const {
  const auto found = std::ranges::find_if(sinks_, [](const SinkFeed& sink) { return sink.away(); });
  return found == sinks_.end() ? nullptr : &*found;
}

}  // namespace trainbus
