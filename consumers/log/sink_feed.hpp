#pragma once
// What stands between the bus and one sink: when to flush and sync, its position, and its failures.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "hosted_sink.hpp"
#include "position_file.hpp"

namespace trainbus {

// Single-threaded; time is an argument. A sink that fails is away: it is opened again after a growing pause, and then
// needs everything after its position. So nothing is queued here, and nothing is lost.
class SinkFeed {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds kFlushEvery{100};
  static constexpr std::chrono::milliseconds kSyncEvery{5000};
  static constexpr std::chrono::milliseconds kFirstPause{500};
  static constexpr std::chrono::milliseconds kLastPause{15000};

  // `position`: of a sink whose position the host keeps, else nullptr. Both outlive this.
  explicit SinkFeed(HostedSink& sink, PositionFile* position = nullptr) : sink_(sink), position_(position) {}

  // The first opening: where to go on, or empty when it failed: then the sink is away, and the caller says why.
  std::optional<StreamHeads> open(Time now);
  // Opens again when that is due: where to go on, or empty while it is away.
  std::optional<StreamHeads> retry(Time now);
  // The sink is away for this reason.
  void fail(const std::string& why, Time now);
  // Writes the record, unless the sink is away.
  void offer(const Record& record, Time now);
  // Flushes and syncs when that is due. `heads`: of all records offered.
  void turn(Time now, const StreamHeads& heads);
  // Flushes and syncs now, unless the sink is away.
  void finish(Time now, const StreamHeads& heads);

  bool away() const { return away_; }
  // The place has gone for good: nothing more will be written.
  bool over() const { return over_; }
  // It failed, and has not been seen to work since.
  bool troubled() const { return pause_.count() > 0; }
  // Why it is away, or was last.
  const std::string& failure() const { return failure_; }
  std::uint64_t written() const { return written_; }    // records
  std::uint64_t failures() const { return failures_; }  // failed calls
  Time synced() const { return synced_; }               // the last time everything before was safe
  std::uint64_t syncs() const { return syncs_; }        // times that what was offered until then was put on the disk

 private:
  // Runs `action`; an exception makes the sink away.
  template <typename Action>
  bool attempt(Time now, Action action);
  StreamHeads open_both(Time now);
  void leave(const std::string& why, Time now);
  void flush();
  void works();

  HostedSink& sink_;
  PositionFile* const position_;
  bool away_ = false;
  bool over_ = false;
  bool unflushed_ = false;
  std::chrono::milliseconds pause_{0};  // > 0: it failed, and has not been seen to write since
  Time flush_at_{}, sync_at_{}, retry_at_{}, synced_{};
  std::string failure_;
  std::uint64_t written_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t syncs_ = 0;
};

}  // namespace trainbus
