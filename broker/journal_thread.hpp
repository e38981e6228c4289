#pragma once
// The journal's two threads. The bus thread hands them work through mailboxes and never waits for the disk:
//
//   bus ──StoreBatch, FetchJob──▶ writer ──FetchJob──▶ reader ──FetchJob with its answer──▶ bus
//    ◀──────StoreOutcome─────────────┘
//
// A fetch travels through the writer, so its answer contains everything that was handed over before it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/journal.hpp"
#include "broker/mailbox.hpp"
#include "broker/state_folder.hpp"

namespace trainbus {

struct StoreOutcome {
  bool ok = true;
  std::string error;        // one line when not ok
  bool moved = false;       // not ok, because the files are not in their place
  std::size_t batches = 0;  // how many handed-over batches this answers
  std::uint64_t bytes = 0;  // of the bodies stored
  StoreBatch::Heads heads;  // (stream, stored through) of the commit
  StoreBatch batch;         // what was not stored, when not ok; else empty, with its memory
};

struct FetchJob {
  std::string routing_id;
  std::uint64_t request_id = 0;
  v1::FetchRequest request;
  std::size_t request_bytes = 0;  // in memory
  v1::FetchReply reply;
  std::string error;
};

struct JournalGauges {
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> rows{0};
  std::atomic<std::uint64_t> commit_us{0};     // summed
  std::atomic<std::uint64_t> waiting_rows{0};  // handed over, not yet committed
  std::atomic<std::uint64_t> retired{0};
  std::atomic<std::uint64_t> end_position{0};       // of the last record
  std::atomic<std::uint64_t> held_up{0};            // times that retiring waited for an archive
  std::atomic<std::uint64_t> held_for_archives{0};  // records, while it does
  std::atomic<std::uint64_t> wal_bytes{0};
  std::atomic<std::uint64_t> damaged{0};
  std::atomic<std::uint64_t> gone_at_start{0};  // stored by an earlier broker, and not there any more
  std::atomic<bool> failing{false};
  std::atomic<bool> moved{false};  // failing, because the files are not in their place
};

// Owned by the bus thread, which alone calls it (but the constructor and destructor start and join the threads).
class JournalThread {
 public:
  // A commit of no more bytes gives way to the live path, and none for longer: what is behind takes its share of the
  // processor, so that acknowledgements stay prompt beside busy trainers.
  static constexpr std::uint64_t kGiveWayBytes = 16 << 20;
  static constexpr int kGiveWayMs = 100;
  // While the disk fails, try again this often; what comes meanwhile is not stored (its trainer keeps it).
  static constexpr int kRetryEveryMs = 500;

  // Looks this often whether the files are in their place while there is nothing to store; else with every commit.
  static constexpr int kLookEveryMs = 500;
  // Looks for what may be retired this often.
  static constexpr int kRetireEveryMs = 10'000;
  static constexpr int kStepsAtOnce = 50;  // of retiring; then commits have their turn
  // After a commit, of a journal with a bound: more than it can have added, for all that comes in one commit's time.
  static constexpr int kStepsWithACommit = 8;

  JournalThread(std::string path, Durability durability, Retention retention = {});
  ~JournalThread();  // commits what was handed over

  // One commit, with whatever was handed over and is not committed yet.
  void store(std::unique_ptr<StoreBatch> batch);
  void fetch(std::unique_ptr<FetchJob> job);
  // JournalWriter::note_archived.
  void note_archived(const std::string& archive, std::uint64_t position);
  // JournalWriter::archived, as of the start.
  const std::map<std::string, std::uint64_t>& archived_at_start() const { return archived_at_start_; }

  // To poll for answers; then take them.
  int outcomes_fd() const { return outcomes_.fd(); }
  int answers_fd() const { return answers_.fd(); }
  std::unique_ptr<StoreOutcome> take_outcome() { return outcomes_.take(); }
  std::unique_ptr<FetchJob> take_answer() { return answers_.take(); }
  const JournalGauges& gauges() const { return gauges_; }

 private:
  struct Work {  // one of the three, or none: end
    std::unique_ptr<StoreBatch> batch;
    std::unique_ptr<FetchJob> job;
    std::string archive = {};  // has everything up to `position`
    std::uint64_t position = 0;
  };
  void write_loop();
  void read_loop();
  void commit(std::vector<std::unique_ptr<StoreBatch>>& batches);

  void check_place() const;
  void look_at_place();
  void retire(int steps);
  void write_archived(const Work& work);
  void tidy_up();

  const Durability durability_;
  const Retention retention_;
  JournalWriter writer_;
  const std::map<std::string, std::uint64_t> archived_at_start_;
  JournalReader reader_;
  const FilesInPlace place_;
  JournalGauges gauges_;
  Mailbox<Work> work_;
  Mailbox<Work> jobs_;
  Mailbox<StoreOutcome> outcomes_;
  Mailbox<FetchJob> answers_;
  std::thread write_thread_, read_thread_;
};

}  // namespace trainbus
