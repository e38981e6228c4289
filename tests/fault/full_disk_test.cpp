// A disk that is full, or read-only, under the broker or under a trainer: it is said, nothing that was promised is
// lost, and all is well again once there is room.

#include <gmock/gmock.h>

#include <numeric>

#include "tests/support/eventually.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/private_mount.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using testing::HasSubstr;

class FullDiskTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.problem().empty()) GTEST_SKIP() << disk_.problem();
  }

  std::unique_ptr<Process> start_broker(const std::string& state_dir, const std::string& listen = "tcp://127.0.0.1:*") {
    return std::make_unique<Process>("trainbus-broker",
                                     std::vector<std::string>{"--listen", listen, "--state-dir", state_dir});
  }
  ProducerOptions options(const std::string& broker, const std::string& spool_dir) {
    ProducerOptions options;
    options.run = "r";
    options.trainer = "t";
    options.broker = broker;
    options.spool_dir = spool_dir;
    return options;
  }
  // Logs batches of 1 KiB, one a millisecond; the loop must never wait (patience: a busy machine holds up anybody).
  void log(Producer& producer, int count) {
    const Prediction prediction{.label = std::string(1024, 'x')};
    for (int i = 0; i < count; ++i) {
      const auto next = std::chrono::steady_clock::now() + 1ms;
      const test::Patience patience(100ms);
      ASSERT_TRUE(producer.log_batch({.epoch = 1, .batch = logged_++, .predictions = {&prediction, 1}}));
      waits_ += patience.over() ? 1 : 0;
      std::this_thread::sleep_until(next);
    }
  }
  void expect_stored_once(const std::string& broker) {
    v1::FetchRequest batches;
    batches.add_kinds(v1::KIND_BATCH);
    std::vector<int> stored;
    for (const auto& record : test::journal_content(parse_endpoints(broker), batches).records)
      stored.push_back(record.batch_data().batch_idx());
    std::vector<int> expected(static_cast<std::size_t>(logged_));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(stored, expected);
    EXPECT_EQ(waits_, 0) << "the loop waited for 100 ms or longer";
  }

  test::TempDir folder_;
  test::PrivateMount disk_{folder_.path() / "disk", 6 << 20};
  int logged_ = 0;
  int waits_ = 0;
};

TEST_F(FullDiskTest, ABrokerSaysSoAcknowledgesNothingAndHealsWhenThereIsRoom) {
  auto broker = start_broker(disk_.folder() / "state");
  const auto address = broker->wait_for("listening on ");
  ASSERT_TRUE(address) << broker->output();
  Consumer watcher({.broker = *address, .kinds = {v1::KIND_ALERT}});
  std::vector<bool> alerts;
  const auto alerted = [&](bool active) {
    return eventually(active ? "the alert" : "its end", [&] {
      if (const Record* record = watcher.next(5ms); record != nullptr) {
        EXPECT_EQ(record->message.alert().rule(), "journal_failing");
        alerts.push_back(record->message.alert().active());
      }
      return !alerts.empty() && alerts.back() == active;
    });
  };
  ASSERT_TRUE(eventually("joined", [&] { return watcher.next(1ms) == nullptr && watcher.caught_up(); }));
  Producer producer(options(*address, folder_ / "spool"));
  log(producer, 300);
  ASSERT_TRUE(eventually("stored", [&] { return producer.counters().stored == 300; }));

  disk_.fill();
  log(producer, 1500);
  EXPECT_TRUE(broker->wait_for("nothing is acknowledged until it works again")) << broker->output();
  EXPECT_TRUE(alerted(true));
  const auto stored = producer.counters().stored;
  log(producer, 1000);
  EXPECT_EQ(producer.counters().stored, stored) << "acknowledged without a disk";
  EXPECT_GE(producer.counters().in_outbox, 2800 - stored) << "and what it says of itself";
  EXPECT_FALSE(broker->wait(0ms)) << broker->output();

  disk_.free();
  EXPECT_TRUE(alerted(false));
  EXPECT_TRUE(broker->wait_for("the journal works again"));
  EXPECT_TRUE(producer.close(60s));
  expect_stored_once(*address);
  broker->signal(SIGTERM);
  EXPECT_EQ(broker->wait(5s), 0);
}

TEST_F(FullDiskTest, ABrokerThatIsKilledAndStartedOnAFullDiskSaysWhyOrServes) {
  auto broker = start_broker(disk_.folder() / "state");
  const auto address = broker->wait_for("listening on ");
  ASSERT_TRUE(address);
  Producer producer(options(*address, folder_ / "spool"));
  log(producer, 300);
  ASSERT_TRUE(eventually("stored", [&] { return producer.counters().stored == 300; }));
  broker->signal(SIGKILL);
  ASSERT_TRUE(broker->wait(5s));
  disk_.fill();
  broker = start_broker(disk_.folder() / "state", *address);
  if (!broker->wait_for("listening on ")) {
    EXPECT_EQ(broker->wait(5s), 1) << broker->output();
    EXPECT_THAT(broker->output(), HasSubstr("journal"));
    EXPECT_EQ(std::count(broker->output().begin(), broker->output().end(), '\n'), 1) << broker->output();
  }
  log(producer, 300);
  disk_.free();
  if (broker->wait(0ms)) broker = start_broker(disk_.folder() / "state", *address);
  EXPECT_TRUE(producer.close(60s));
  expect_stored_once(*address);
}

// What is promised then, says producer.hpp: the record is in memory, and counted as one that a kill would lose.
TEST_F(FullDiskTest, ASpoolWithoutRoomCostsOnlySafetyAndSaysSo) {
  const std::string state = folder_ / "state";
  auto broker = start_broker(state);
  const auto address = broker->wait_for("listening on ");
  ASSERT_TRUE(address);
  Producer producer(options(*address, disk_.folder() / "spool"));
  EXPECT_EQ(producer.spool_problem(), "") << "the first file fits";
  ASSERT_TRUE(eventually("connected", [&] { return producer.connected(); }));
  broker->signal(SIGKILL);
  ASSERT_TRUE(broker->wait(5s));
  disk_.fill();
  log(producer, 5000);  // more than one file holds
  EXPECT_THAT(producer.spool_problem(), HasSubstr("No space left"));
  EXPECT_GT(producer.counters().spool_failed, 500u);
  EXPECT_LT(producer.counters().spool_failed, 4000u);
  EXPECT_EQ(producer.counters().refused, 0u);
  broker = start_broker(state, *address);
  ASSERT_TRUE(broker->wait_for("listening on ")) << broker->output();
  EXPECT_TRUE(producer.close(60s));
  expect_stored_once(*address);
}

TEST_F(FullDiskTest, AReadOnlyStateFolderIsRefusedWithOneLineThatNamesIt) {
  const auto refused = [&](const std::string& state_dir) {
    auto broker = start_broker(state_dir);
    EXPECT_EQ(broker->wait(5s), 1) << broker->output();
    EXPECT_THAT(broker->output(), HasSubstr(state_dir));
    EXPECT_THAT(broker->output(), HasSubstr("ead-only"));
    EXPECT_EQ(std::count(broker->output().begin(), broker->output().end(), '\n'), 1) << broker->output();
  };
  {
    auto broker = start_broker(disk_.folder() / "state");
    ASSERT_TRUE(broker->wait_for("listening on "));
    broker->signal(SIGTERM);
    ASSERT_EQ(broker->wait(5s), 0);
  }
  disk_.make_read_only();
  refused(disk_.folder() / "state");
  refused(disk_.folder() / "new");
}

}  // namespace
}  // namespace trainbus
