#pragma once
// What stands between the bus and one sink: its position, when to flush and sync, and its failures.

#include <chrono>
#include <memory>
#include <string>

#include "sink.hpp"

namespace trainbus {

// Single-threaded; time is an argument. A sink that fails is away: records pass it by, it is opened again after a
// growing pause, and what it then lacks is fetched from the journal again (turn() tells). So nothing is queued here,
// and nothing is lost.
class SinkFeed {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds kFlushEvery{100};
  static constexpr std::chrono::milliseconds kSyncEvery{5000};
  static constexpr std::chrono::milliseconds kFirstPause{500};
  static constexpr std::chrono::milliseconds kLastPause{15000};

  explicit SinkFeed(std::unique_ptr<Sink> sink);

  // The first opening. Throws std::runtime_error with one line that names the sink.
  void open(Time now);
  // Writes the record unless the sink has it already or is away.
  void offer(const Record& record, Time now);
  // Flushes, syncs or opens again, whatever is due. True when the sink came back: it needs what is after heads().
  bool turn(Time now);
  // Flushes and syncs now, unless the sink is away.
  void finish(Time now);

  const StreamHeads& heads() const { return heads_; }
  bool away() const { return away_; }
  // Why it is away.
  const std::string& failure() const { return failure_; }
  std::string name() const { return sink_->name(); }
  std::uint64_t written() const { return written_; }  // since the start, records

 private:
  // Runs `action`; an exception makes the sink away.
  template <typename Action>
  bool attempt(Time now, Action action);
  std::uint64_t& head_of(const Record& record);
  void take_heads(StreamHeads heads, Time now);
  void flush();

  std::unique_ptr<Sink> sink_;
  StreamHeads heads_;
  StreamHeads::value_type* last_ = nullptr;  // the stream of the record before: mostly the same again
  bool away_ = false;
  bool unflushed_ = false;
  std::chrono::milliseconds pause_{0};  // > 0: it failed, and has not been seen to write since
  Time flush_at_{}, sync_at_{}, retry_at_{};
  std::string failure_;
  std::uint64_t written_ = 0;
};

}  // namespace trainbus
