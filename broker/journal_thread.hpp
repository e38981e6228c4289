#pragma once
// The journal's two threads. The bus thread hands them work through inproc sockets and never waits for the disk:
//
//   bus ──StoreBatch, FetchJob──▶ writer ──FetchJob──▶ reader ──FetchJob with its answer──▶ bus
//    ◀──────StoreOutcome─────────────┘
//
// A fetch travels through the writer, so its answer contains everything that was handed over before it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "broker/journal.hpp"

namespace trainbus {

struct StoreOutcome {
  bool ok = true;
  std::string error;                                           // one line when not ok
  std::size_t batches = 0;                                     // how many handed-over batches this answers
  std::uint64_t bytes = 0;                                     // of the bodies stored
  std::vector<std::pair<std::uint64_t, std::uint64_t>> heads;  // (stream, stored through) of the commit
  StoreBatch failed;                                           // what was not stored, when not ok
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
  std::atomic<std::uint64_t> damaged{0};
  std::atomic<bool> failing{false};
};

// Owned by the bus thread, which alone calls it (but the constructor and destructor start and join the threads).
class JournalThread {
 public:
  // At most one commit in this time: records that come meanwhile share the next one.
  static constexpr int kCommitEveryMs = 10;
  // A commit of no more bytes gives way to the live path, and none for longer: what is behind takes its share of the
  // processor, so that acknowledgements stay prompt beside busy trainers.
  static constexpr std::uint64_t kGiveWayBytes = 16 << 20;
  static constexpr int kGiveWayMs = 100;
  // While the disk fails, try again this often; what comes meanwhile is not stored (its trainer keeps it).
  static constexpr int kRetryEveryMs = 500;

  // Looks for what may be retired this often.
  static constexpr int kRetireEveryMs = 10'000;

  JournalThread(zmq::context_t& context, std::string path, Durability durability, Retention retention = {});
  ~JournalThread();  // commits what was handed over

  void store(std::unique_ptr<StoreBatch> batch);
  void fetch(std::unique_ptr<FetchJob> job);

  // To poll for answers; then take them.
  zmq::socket_t& outcomes_socket() { return outcomes_; }
  zmq::socket_t& answers_socket() { return answers_; }
  std::unique_ptr<StoreOutcome> take_outcome();
  std::unique_ptr<FetchJob> take_answer();
  const JournalGauges& gauges() const { return gauges_; }

 private:
  struct Work {  // one of the two, or neither: end
    std::unique_ptr<StoreBatch> batch;
    std::unique_ptr<FetchJob> job;
  };
  void write_loop(zmq::socket_t& work, zmq::socket_t& outcomes, zmq::socket_t& to_reader);
  void read_loop(zmq::socket_t& jobs, zmq::socket_t& answers);
  void commit(std::vector<std::unique_ptr<StoreBatch>>& batches, zmq::socket_t& outcomes);

  void retire();

  const Durability durability_;
  const Retention retention_;
  JournalWriter writer_;
  JournalReader reader_;
  JournalGauges gauges_;
  zmq::socket_t work_, outcomes_, answers_;
  std::thread write_thread_, read_thread_;
};

}  // namespace trainbus
