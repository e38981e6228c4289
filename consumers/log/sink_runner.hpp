#pragma once
// One sink at work: a thread with a Consumer of its own.

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "sink_feed.hpp"

namespace trainbus {

// What others may know of a sink at work.
struct SinkReport {
  std::string label = {};
  std::string hash = {};       // SinkPlan::hash()
  std::uint64_t written = 0;   // records
  std::uint64_t failures = 0;  // failed calls
  std::string failure = {};    // why it fails; "": it does not
  std::string over = {};       // why it has ended for good; "": it has not
  std::string limits = {};     // which of its bounds it met within the last minute, and what happens then; "": none
  std::map<std::string, std::uint64_t> limits_met = {};  // how often each was met
  std::string blocked = {};  // "write() has not returned for 12 s"; "": none runs for that long
  bool connected = false;
  std::string journal_trouble = {};  // why the broker gives no more of its journal; "": it does
  std::string port_trouble = {};     // which of the broker's ports does not answer, and why; "": all do
  bool caught_up = false;            // the history that there was is in it
  std::pair<std::uint64_t, std::uint64_t> progress{0, 0};
  std::chrono::milliseconds behind{0};              // since it last had all that the journal was known to have
  std::chrono::milliseconds unsynced{0};            // since the last sync
  std::string archive = {};                         // SinkPlan::archive
  std::shared_ptr<const StreamHeads> on_disk = {};  // of an archive: as of its last sync; null: there was none

  bool failing() const { return !failure.empty() || !blocked.empty(); }
  const std::string& trouble() const { return blocked.empty() ? failure : blocked; }
};

// While the sink is away nothing is received; a sink that blocks lets its subscription fill up to a bound of ZeroMQ's,
// past which the broker drops for it. Either way the journal has the rest.
class SinkRunner {
 public:
  struct Options {
    std::string broker;
    std::string state_dir;                            // of positions that the host keeps; "": the default
    std::chrono::milliseconds blocked_after{10'000};  // a call that runs for longer is blocked
  };

  // Makes the sink; nothing is opened yet. Throws std::invalid_argument when one of its options is refused.
  SinkRunner(SinkPlan plan, const Options& options);
  // The thread must have ended, or never begun.
  ~SinkRunner();

  // Starts the thread, which opens the sink.
  void start();
  // Why the first opening failed, "" when it did not, nothing while it is under way. A sink that failed is tried again
  // like one that fails later.
  std::optional<std::string> opening(std::chrono::milliseconds wait) const;
  // Asks the thread to flush, sync and end.
  void stop() { stopping_ = true; }
  // True when the thread has ended.
  bool ended(std::chrono::milliseconds wait) const;

  SinkReport report() const;
  const SinkPlan& plan() const { return sink_.plan(); }
  // Whose records it writes.
  const std::string& broker() const { return options_.broker; }

 private:
  void run();
  // Runs `action`; what it throws, of the Consumer's, makes the sink away.
  template <typename Action>
  bool attempt(Action action);
  void turn();
  void connect(StreamHeads heads);
  void publish(SinkFeed::Time now);
  // Of an archive: what is on the disk after a sync.
  void note_on_disk();

  const Options options_;
  HostedSink sink_;
  std::unique_ptr<PositionFile> position_;
  SinkFeed feed_;
  std::optional<Consumer> bus_;
  std::uint64_t noted_syncs_ = 0;
  bool drained_ = false;       // nothing was waiting at the last look
  SinkFeed::Time complete_{};  // when it last had everything

  std::atomic<bool> stopping_{false};
  std::promise<std::string> opened_;
  std::shared_future<std::string> is_opened_ = opened_.get_future();
  std::promise<void> ended_;
  std::future<void> has_ended_ = ended_.get_future();
  mutable std::mutex mutex_;
  SinkReport report_;  // as of report_time_
  SinkFeed::Time report_time_{};
  std::thread thread_;
};

}  // namespace trainbus
