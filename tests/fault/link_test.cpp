// A bad network between one trainer and its broker: whatever happens to the link, every record that was accepted is
// stored once, in order, and the loop never waits.

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <numeric>

#include "tests/support/eventually.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    options_.run = "r";
    options_.trainer = "t";
    options_.broker = proxy_.address();
    options_.spool_dir = spool_ / "spool";
  }

  // Logs `count` batches, one a millisecond, and counts the calls that waited (patience: a busy machine holds up
  // anybody).
  void log(Producer& producer, int count) {
    for (int i = 0; i < count; ++i) {
      const auto next = std::chrono::steady_clock::now() + 1ms;
      const test::Patience patience(100ms);
      ASSERT_TRUE(producer.log_batch({.epoch = 1, .batch = logged_, .batch_size = 1, .loss = 0.5, .accuracy = 0.5}));
      waits_ += patience.over() ? 1 : 0;
      ++logged_;
      std::this_thread::sleep_until(next);
    }
  }
  // What the journal has of the batches, as their numbers in journal order.
  std::vector<int> stored() {
    v1::FetchRequest request;
    request.add_kinds(v1::KIND_BATCH);
    std::vector<int> batches;
    for (const auto& record : test::journal_content(broker_.endpoints(), request).records)
      batches.push_back(record.batch_data().batch_idx());
    return batches;
  }
  void expect_all_stored(Producer& producer) {
    EXPECT_TRUE(producer.close(60s)) << "not everything was acknowledged";
    std::vector<int> expected(static_cast<std::size_t>(logged_));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(stored(), expected);
    EXPECT_EQ(waits_, 0) << "the loop waited for 100 ms or longer";
  }
  void wait_until_connected(Producer& producer) {
    ASSERT_TRUE(eventually("the producer is connected", [&] { return producer.connected(); }));
  }

  test::TempDir spool_;
  test::RunningBroker broker_;
  test::FaultProxy proxy_{broker_.endpoints()};
  ProducerOptions options_;
  int logged_ = 0;
  int waits_ = 0;
};

TEST_F(LinkTest, ResetsLoseNothing) {
  Producer producer(options_);
  wait_until_connected(producer);
  for (int i = 0; i < 5; ++i) {
    log(producer, 200);
    proxy_.reset_all();
  }
  log(producer, 200);
  expect_all_stored(producer);
}

TEST_F(LinkTest, ACutInTheMiddleOfAFrameLosesNothing) {
  Producer producer(options_);
  wait_until_connected(producer);
  for (const std::size_t bytes : {1u, 7u, 333u, 5001u}) {
    log(producer, 200);
    proxy_.cut_after(bytes);
  }
  log(producer, 200);
  expect_all_stored(producer);
}

TEST_F(LinkTest, AStalledDirectionLosesNothing) {
  Producer producer(options_);
  wait_until_connected(producer);
  for (const auto direction : {test::FaultProxy::Direction::kToBroker, test::FaultProxy::Direction::kFromBroker}) {
    proxy_.stall(direction, true);
    log(producer, 1500);
    proxy_.stall(direction, false);
    log(producer, 100);
  }
  expect_all_stored(producer);
}

TEST_F(LinkTest, ABlackGapWithoutAResetLosesNothing) {
  Producer producer(options_);
  wait_until_connected(producer);
  log(producer, 300);
  proxy_.blackGap(true);
  log(producer, 2500);
  proxy_.blackGap(false);
  log(producer, 100);
  expect_all_stored(producer);
}

TEST_F(LinkTest, ASlowLinkLosesNothing) {
  proxy_.throttle(40'000);
  Producer producer(options_);
  wait_until_connected(producer);
  log(producer, 1500);
  proxy_.throttle(0);
  expect_all_stored(producer);
}

TEST_F(LinkTest, ABrokerThatRestartsLosesNothing) {
  Producer producer(options_);
  wait_until_connected(producer);
  for (int i = 0; i < 3; ++i) {
    log(producer, 200);
    broker_.stop();
    log(producer, 300);
    broker_.start();
  }
  log(producer, 100);
  expect_all_stored(producer);
}

// A power cut, or somebody cleaned up: what was acknowledged is gone on both sides, and said to be; the rest goes on.
TEST_F(LinkTest, ABrokerThatLostItsJournalGetsTheRestAndSaysWhatIsLost) {
  Producer producer(options_);
  wait_until_connected(producer);
  log(producer, 100);
  ASSERT_TRUE(eventually("all acknowledged", [&] { return producer.counters().stored == 100; }));
  broker_.stop();
  log(producer, 50);
  std::filesystem::remove_all(broker_.state_dir());
  broker_.start();
  log(producer, 50);
  EXPECT_TRUE(producer.close(60s)) << "not everything was acknowledged";
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 100);
  EXPECT_EQ(stored(), expected);
  const auto lost = test::journal_content(broker_.endpoints()).lost;
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].stream().sequence(), 1u);
  EXPECT_EQ(lost[0].last_sequence(), 100u);
}

// The same for what a trainer left in its spool: its next start ends in a state that is said, and does not wait.
TEST_F(LinkTest, ASpoolWhoseEarlierRecordsTheBrokerLostIsDeliveredAndTheRestIsSaidToBeLost) {
  {
    Producer producer(options_);
    wait_until_connected(producer);
    log(producer, 100);
    ASSERT_TRUE(eventually("all acknowledged", [&] { return producer.counters().stored == 100; }));
    broker_.stop();
    log(producer, 50);
    EXPECT_FALSE(producer.close(0ms));
  }
  // The journal is lost, and not who the broker is: a spool is for the broker that it was written for.
  for (const char* suffix : {"", "-wal", "-shm", "-mark"})
    std::filesystem::remove(broker_.state_dir() + "/journal.sqlite" + suffix);
  broker_.start();
  Producer next(options_);
  wait_until_connected(next);
  const test::Patience patience(3s);
  EXPECT_TRUE(next.close(60s));
  EXPECT_FALSE(patience.over()) << "waited for what never comes";
  EXPECT_EQ(next.counters().recovered, 50u);
  std::vector<int> expected(50);
  std::iota(expected.begin(), expected.end(), 100);
  EXPECT_EQ(stored(), expected);
  const auto lost = test::journal_content(broker_.endpoints()).lost;
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].stream().sequence(), 1u);
  EXPECT_EQ(lost[0].last_sequence(), 100u);
  EXPECT_TRUE(std::filesystem::is_empty(spool_ / "spool"));
}

}  // namespace
}  // namespace trainbus
