#pragma once
// From the bus into the sinks: every kept record once in each, in the order of its stream.

#include <optional>
#include <vector>

#include "sink_feed.hpp"

namespace trainbus {

// Single-threaded: the loop is the caller's. Starts where the sink that has least left off; the others skip what
// they have.
class LogWriter {
 public:
  using Time = SinkFeed::Time;

  // Opens every sink. Throws with one line when one cannot be opened, or an option is bad. `bus.heads` is not used.
  LogWriter(ConsumerOptions bus, std::vector<std::unique_ptr<Sink>> sinks, Time now);

  // Waits at most `timeout` for a record, then writes what is there, for at most some tens of milliseconds.
  void poll_once(Time now, std::chrono::milliseconds timeout);
  // Flushes and syncs every sink.
  void finish(Time now);

  // The history that there was is in every sink.
  bool caught_up() const;
  bool connected() const { return bus_->connected(); }
  // The first sink that is away; nullptr: none.
  const SinkFeed* away() const;
  // Records since the start, of the sink that got most.
  std::uint64_t written() const;
  // (handed out, estimated total) of the catching up.
  std::pair<std::uint64_t, std::uint64_t> progress() const { return bus_->progress(); }

 private:
  void connect();

  const ConsumerOptions options_;
  std::vector<SinkFeed> sinks_;
  std::optional<Consumer> bus_;
  bool drained_ = false;  // nothing was waiting at the last look
};

}  // namespace trainbus
