// One reader that sleeps for 2.5 s at each record, among others: they do not feel it, the broker's memory is bounded,
// and it misses nothing.

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <limits>
#include <mutex>
#include <zmq.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::eventually;
using test::Process;

constexpr std::size_t kMaxRecords = 500'000;
using Times = std::vector<Clock::time_point>;  // of publishing, by batch number

// Reads all batches in a thread of its own, on a context of its own, and may sleep at each.
class Reader {
 public:
  Reader(std::string broker, const Times& published_at, std::chrono::milliseconds sleep = 0ms)
      : broker_(std::move(broker)), published_at_(published_at), sleep_(sleep), thread_([this] { run(); }) {}
  ~Reader() {
    running_ = false;
    wake_up();
    thread_.join();
  }
  void wake_up() {
    const std::lock_guard lock(mutex_);
    sleep_ = 0ms;
    awake_.notify_all();
  }

  bool caught_up() const { return caught_up_; }
  std::size_t received() const { return received_; }  // in order, from the first
  bool in_order() const { return in_order_; }
  std::uint64_t lost() const { return lost_; }
  // From publishing to receiving, since the last call.
  std::vector<double> take_latencies_ms() {
    const std::lock_guard lock(mutex_);
    return std::exchange(latencies_ms_, {});
  }

 private:
  void run() {
    zmq::context_t context;
    Consumer consumer({.broker = broker_, .kinds = {v1::KIND_BATCH}, .context = &context});
    while (running_) {
      const Record* record = consumer.next(20ms);
      caught_up_ = consumer.caught_up();
      lost_ = consumer.counters().lost;
      if (record == nullptr) continue;
      const auto now = Clock::now();
      const auto batch = static_cast<std::size_t>(record->message.batch_data().batch_idx());
      in_order_ = in_order_ && batch == received_;
      ++received_;
      std::unique_lock lock(mutex_);
      latencies_ms_.push_back(std::chrono::duration<double, std::milli>(now - published_at_[batch]).count());
      awake_.wait_for(lock, sleep_, [this] { return sleep_ == 0ms; });
    }
  }

  const std::string broker_;
  const Times& published_at_;
  std::atomic<bool> running_{true}, caught_up_{false}, in_order_{true};
  std::atomic<std::size_t> received_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::mutex mutex_;  // guards what follows
  std::condition_variable awake_;
  std::chrono::milliseconds sleep_;
  std::vector<double> latencies_ms_;
  std::thread thread_;
};

class SlowReaderTest : public testing::Test {
 protected:
  SlowReaderTest() {
    const auto address = broker_.wait_for("listening on ");
    if (!address) throw std::runtime_error(broker_.output());
    address_ = *address;
    ProducerOptions options;
    options.run = "r";
    options.trainer = "t";
    options.broker = address_;
    options.spool_dir = folder_ / "spool";
    options.meter_resources = false;
    bus_ = std::make_unique<Producer>(options);
    for (int i = 0; i < 3; ++i)
      readers_.push_back(std::make_unique<Reader>(address_, published_at_));
  }
  void SetUp() override {
    ASSERT_TRUE(eventually("the readers have joined", [&] {
      return bus_->connected() && std::all_of(readers_.begin(), readers_.end(), [](auto& r) { return r->caught_up(); });
    }));
  }

  void publish(std::size_t bytes) {
    const Prediction prediction{.label = std::string(bytes, 'x')};
    published_at_.at(published_) = Clock::now();
    ASSERT_TRUE(bus_->log_batch({.epoch = 1, .batch = static_cast<int>(published_), .predictions = {&prediction, 1}}));
    ++published_;
  }
  void expect_all_received() {
    for (const auto& reader : readers_) {
      EXPECT_TRUE(eventually(
          "a reader has everything", [&] { return reader->received() == published_; }, 60s));
      EXPECT_TRUE(reader->in_order());
      EXPECT_EQ(reader->lost(), 0u);
    }
  }
  void publish_a_flood(std::size_t bytes, int count) {
    for (int i = 0; i < count; ++i) {
      publish(bytes);
      if (i % 1000 != 0) continue;
      ASSERT_TRUE(eventually(
          "the broker keeps up", [&] { return bus_->counters().in_outbox < 4000; }, 30s));
    }
    expect_all_received();
  }
  // The 99th percentile over all readers, of ten seconds at 4,000 a second: more than the connection of one that does
  // not read can hold.
  double p99_ms() {
    for (const auto& reader : readers_)
      reader->take_latencies_ms();
    auto next = Clock::now();
    for (int i = 0; i < 5000; ++i, next += 2ms) {
      for (int j = 0; j < 8; ++j)
        publish(1500);
      std::this_thread::sleep_until(next);
    }
    expect_all_received();
    std::vector<double> all;
    for (const auto& reader : readers_) {
      const auto some = reader->take_latencies_ms();
      all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    return all[all.size() * 99 / 100];
  }
  double resident_mib() {
    std::ifstream status("/proc/" + std::to_string(broker_.pid()) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
    return 0;
  }

  test::TempDir folder_;
  Process broker_{"trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", folder_ / "state"}};
  std::string address_;
  std::unique_ptr<Producer> bus_;
  Times published_at_ = Times(kMaxRecords);
  std::size_t published_ = 0;
  std::vector<std::unique_ptr<Reader>> readers_;
};

TEST_F(SlowReaderTest, TheOthersDoNotFeelIt) {
  // What else the machine does only adds, now to one and now to the other; what the slow reader does is in each round.
  constexpr int kRounds = 5;
  double without = std::numeric_limits<double>::max(), with = without;
  bool felt = true;
  for (int round = 0; round < kRounds && felt; ++round) {
    without = std::min(without, p99_ms());
    Reader slow(address_, published_at_, 2500ms);
    ASSERT_TRUE(eventually("the slow one sleeps", [&] { return slow.received() > 0; }));
    with = std::min(with, p99_ms());
    felt = with > 2 * without;
    std::cout << "p99 at best without " << without << " ms, with " << with << " ms" << std::endl;
  }
  EXPECT_FALSE(felt);
}

TEST_F(SlowReaderTest, TheBrokersMemoryIsBoundedAndItMissesNothing) {
  constexpr std::size_t kBytes = 2000;
  constexpr int kCount = 80'000;
  publish(kBytes);
  Reader slow(address_, published_at_, 2500ms);
  ASSERT_TRUE(eventually("the slow one sleeps", [&] { return slow.received() > 0; }));
  const double before = resident_mib();
  double most = before;
  for (int i = 0; i < kCount / 1000 && !HasFailure(); ++i) {
    publish_a_flood(kBytes, 1000);
    most = std::max(most, resident_mib());
  }
  std::cout << "broker: " << before << " MiB, at most " << most << " MiB; the slow reader had " << slow.received()
            << std::endl;
  EXPECT_LT(most - before, 130) << "its queue is 20,000 records of 2 KB; all are 160 MB";
  EXPECT_LT(slow.received(), 100u);
  slow.wake_up();
  EXPECT_TRUE(eventually(
      "the slow one has everything", [&] { return slow.received() == published_; }, 60s));
  EXPECT_TRUE(slow.in_order());
  EXPECT_EQ(slow.lost(), 0u);
}

}  // namespace
}  // namespace trainbus
