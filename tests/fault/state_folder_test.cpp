// The state folder is taken away from a running broker, in part or as a whole: it notices, acknowledges nothing from
// then on, says so, and goes on when everything is back.

#include <gmock/gmock.h>
#include <sys/mount.h>

#include <fstream>
#include <iostream>
#include <random>

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
namespace fs = std::filesystem;
using test::eventually;
using test::PlainPeer;
using test::Process;
using testing::HasSubstr;

class StateFolderFault : public testing::Test {
 protected:
  StateFolderFault() {
    broker_ = start(state_);
    const auto address = broker_->wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + broker_->output());
    address_ = *address;
  }

  std::unique_ptr<Process> start(const std::string& state_dir, const std::string& listen = "tcp://127.0.0.1:*") {
    return std::make_unique<Process>("trainbus-broker",
                                     std::vector<std::string>{"--listen", listen, "--state-dir", state_dir});
  }
  std::unique_ptr<PlainPeer> trainer() { return std::make_unique<PlainPeer>(parse_endpoints(address_)); }
  // What the broker has acknowledged of batches, as it tells who says hello.
  std::uint64_t acknowledged(PlainPeer& peer) {
    const auto welcome = peer.hello().welcome();
    return welcome.stored_size() == 0 ? 0 : welcome.stored(0).sequence();
  }
  bool missing() {
    const auto stats = ControlClient(address_).stats(5s);
    return stats && stats->gauges().at("state_folder_missing") == 1;
  }

  // Records are acknowledged before `take_away`, none after it, and it is said everywhere.
  void expect_noticed(const std::function<void()>& take_away) {
    Consumer watcher({.broker = address_, .kinds = {v1::KIND_ALERT}});
    ASSERT_TRUE(eventually("joined", [&] { return watcher.next(1ms) == nullptr && watcher.caught_up(); }));
    const auto peer = trainer();
    peer->hello();
    peer->resend(PlainPeer::record(1));
    ASSERT_TRUE(eventually("stored", [&] { return acknowledged(*peer) == 1; }));
    take_away();
    peer->resend(PlainPeer::record(2));  // at once: the next commit is the one that must not be acknowledged
    EXPECT_TRUE(broker_->wait_for("nothing is acknowledged until it works again")) << broker_->output();
    EXPECT_TRUE(eventually("stats", [&] { return missing(); }));
    EXPECT_TRUE(eventually("the alert", [&] {
      const Record* record = watcher.next(5ms);
      return record != nullptr && record->message.alert().rule() == "state_folder" && record->message.alert().active();
    }));
    for (std::uint64_t sequence = 3; sequence < 50; ++sequence)
      peer->resend(PlainPeer::record(sequence));
    EXPECT_EQ(acknowledged(*peer), 1u) << "acknowledged into a file that nobody finds";
    EXPECT_FALSE(broker_->wait(0ms)) << broker_->output();
  }
  void expect_it_goes_on() {
    EXPECT_TRUE(broker_->wait_for("the journal works again")) << broker_->output();
    const auto peer = trainer();
    EXPECT_TRUE(eventually("stored", [&] { return acknowledged(*peer) == 49; }));
    EXPECT_FALSE(missing());
    std::vector<std::uint64_t> sequences;
    for (const auto& record : test::journal_content(parse_endpoints(address_)).records)
      if (record.has_batch_data()) sequences.push_back(record.sequence());
    ASSERT_EQ(sequences.size(), 49u);
    for (std::size_t i = 0; i < sequences.size(); ++i)
      EXPECT_EQ(sequences[i], i + 1);
  }

  test::TempDir temp_;
  const std::string state_ = temp_ / "state";
  const std::string journal_ = state_ + "/journal.sqlite";
  std::unique_ptr<Process> broker_;
  std::string address_;
};

TEST_F(StateFolderFault, RemovedIsNoticedAndARestartBeginsANewJournal) {
  expect_noticed([&] { fs::remove_all(state_); });
  broker_->signal(SIGTERM);
  EXPECT_EQ(broker_->wait(10s), 0);
  broker_ = start(state_, address_);
  ASSERT_TRUE(broker_->wait_for("listening on ")) << broker_->output();
  const auto peer = trainer();
  EXPECT_EQ(acknowledged(*peer), 0u);
}

// What cannot be recorded yet works all the same.
TEST_F(StateFolderFault, WhileItIsAwayATrainingCanBeStopped) {
  expect_noticed([&] { fs::rename(state_, temp_ / "away"); });
  const auto peer = trainer();
  ASSERT_TRUE(peer->hello().has_welcome());
  ControlClient client(address_);
  v1::ControlCommand command;
  command.set_command_id(new_command_id());
  command.set_type(v1::STOP_TRAINING);
  const auto issued = client.issue("r/t", command, 10s);
  ASSERT_TRUE(issued);
  ASSERT_EQ(issued->commands.size(), 1u) << issued->error;
  EXPECT_EQ(issued->commands[0].command().state(), v1::COMMAND_ACCEPTED);
  EXPECT_TRUE(eventually("it is delivered", [&] {
    const auto found = client.find(command.command_id(), 10s);
    return found && found->commands.size() == 1 &&
           peer->next_of(v1::MetricsResponse::kCommand).command().type() == v1::STOP_TRAINING;
  }));
  fs::rename(temp_ / "away", state_);
  EXPECT_TRUE(broker_->wait_for("the journal works again")) << broker_->output();
  Consumer recorded({.broker = address_, .kinds = {v1::KIND_COMMAND}});
  EXPECT_TRUE(eventually("it is recorded", [&] {
    const Record* record = recorded.next(5ms);
    return record != nullptr && record->message.command().command_id() == command.command_id();
  }));
}

TEST_F(StateFolderFault, MovedAwayIsNoticedAndPutBackItGoesOn) {
  expect_noticed([&] { fs::rename(state_, temp_ / "away"); });
  fs::rename(temp_ / "away", state_);
  expect_it_goes_on();
}

TEST_F(StateFolderFault, MovedAwayIsNoticedWhileNothingIsStored) {
  fs::rename(state_, temp_ / "away");
  EXPECT_TRUE(broker_->wait_for("nothing is acknowledged until it works again", 2s)) << broker_->output();
  fs::rename(temp_ / "away", state_);
  EXPECT_TRUE(broker_->wait_for("the journal works again", 3s)) << broker_->output();
}

TEST_F(StateFolderFault, AJournalFileThatIsRemovedIsNoticed) {
  expect_noticed([&] { fs::remove(journal_); });
}

TEST_F(StateFolderFault, AWriteAheadLogThatIsMovedAwayIsNoticedAndPutBackItGoesOn) {
  expect_noticed([&] { fs::rename(journal_ + "-wal", temp_ / "wal"); });
  fs::rename(temp_ / "wal", journal_ + "-wal");
  expect_it_goes_on();
}

TEST_F(StateFolderFault, AnotherJournalByItsNameIsNoticed) {
  fs::copy_file(journal_, temp_ / "copy");
  expect_noticed([&] { fs::rename(temp_ / "copy", journal_); });
}

TEST_F(StateFolderFault, ASecondBrokerOnAnotherFolderByItsNameDoesNotShareIt) {
  expect_noticed([&] { fs::rename(state_, temp_ / "away"); });
  auto second = start(state_);
  ASSERT_TRUE(second->wait_for("listening on ")) << second->output();
  auto third = start(temp_ / "away");
  EXPECT_EQ(third->wait(5s), 1);
  EXPECT_THAT(third->output(), HasSubstr("in use by another broker (process " + std::to_string(broker_->pid())));
  EXPECT_TRUE(missing()) << "what is by its name now is another broker's";
}

class MountedStateFolder : public StateFolderFault {
 protected:
  MountedStateFolder() {
    if (!own_mounts_.problem().empty()) return;
    broker_ = start(state_, address_ = "tcp://127.0.0.1:*");
    const auto address = broker_->wait_for("listening on ");
    if (address) address_ = *address;
  }
  void SetUp() override {
    if (!own_mounts_.problem().empty()) GTEST_SKIP() << own_mounts_.problem();
  }
  struct Ended {
    explicit Ended(std::unique_ptr<Process>& broker) { broker.reset(); }
  };
  const Ended first_ended_{broker_};  // the broker of this test is started within its mounts
  test::PrivateMount own_mounts_{temp_.path() / "disk", 1 << 20};
};

TEST_F(MountedStateFolder, MountedOverIsNoticedAndUnmountedItGoesOn) {
  expect_noticed([&] { ASSERT_EQ(mount("tmpfs", state_.c_str(), "tmpfs", 0, "size=1m"), 0); });
  ASSERT_EQ(umount2(state_.c_str(), MNT_DETACH), 0);
  expect_it_goes_on();
}

// Under load, at random moments: what was acknowledged is in the journal in the end, once, in order.
TEST_F(StateFolderFault, MovedAwayAndPutBackUnderLoadLosesNothing) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << std::endl;
  std::mt19937 random(seed);
  const auto moment = [&] { return std::chrono::milliseconds(random() % 400); };
  ProducerOptions options;
  options.run = "r";
  options.trainer = "t";
  options.broker = address_;
  options.spool_dir = temp_ / "spool";
  Producer producer(options);
  std::atomic<bool> running = true;
  std::atomic<int> logged = 0;
  std::thread load([&] {
    for (; running; std::this_thread::sleep_for(1ms))
      producer.log_batch({.epoch = 1, .batch = logged++});
  });
  for (int round = 0; round < 6; ++round) {
    std::this_thread::sleep_for(moment());  // the load's time, not a wait
    const auto& part = round % 3 == 0 ? journal_ : round % 3 == 1 ? state_ : journal_ + "-wal";
    fs::rename(part, temp_ / "away");
    std::this_thread::sleep_for(moment());
    fs::rename(temp_ / "away", part);
  }
  running = false;
  load.join();
  EXPECT_TRUE(producer.close(60s)) << broker_->output();
  v1::FetchRequest batches;
  batches.add_kinds(v1::KIND_BATCH);
  int next = 0;
  for (const auto& record : test::journal_content(parse_endpoints(address_), batches).records)
    ASSERT_EQ(record.batch_data().batch_idx(), next++);
  EXPECT_EQ(next, logged);
}

}  // namespace
}  // namespace trainbus
