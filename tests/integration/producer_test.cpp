// The producer SDK against the real broker.
#include "trainbus/producer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/spool.hpp"
#include "trainbus/tile_feed.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::RunningBroker;
using testing::ElementsAre;

ProducerOptions options(const std::string& broker, const std::string& spool_dir = {}) {
  // What is logged is counted, so the bus logs nothing itself.
  return {.run = "r", .trainer = "t", .broker = broker, .spool_dir = spool_dir, .meter_resources = false};
}

// A broker that is away, and comes later where its trainers expect it.
struct AwayBroker {
  test::TempDir folder;
  const std::string state = folder / "state";
  const std::string address = RunningBroker(state).address();
};

// The first `count` records of kind batch that the journal has, as their batch numbers.
std::vector<int> stored_batches(const std::string& broker, std::size_t count) {
  Consumer consumer({.broker = broker, .kinds = {v1::KIND_BATCH}});
  std::vector<int> batches;
  EXPECT_TRUE(eventually("batches in the journal", [&] {
    while (batches.size() < count) {
      const Record* record = consumer.next(milliseconds(60));
      if (record == nullptr) break;
      EXPECT_EQ(record->message.sequence(), batches.size() + 1);
      batches.push_back(record->message.batch_data().batch_idx());
    }
    return batches.size() == count;
  }));
  return batches;
}

TEST(Producer, EveryKindOfRecordReachesTheJournalAsItWasLogged) {
  RunningBroker broker;
  Producer bus(options(broker.address()));
  const std::int64_t before = unix_ms();
  ASSERT_TRUE(bus.start({.total_epochs = 2,
                         .batch_size = 64,
                         .model_name = "Stra\xdf"
                                       "e",
                         .class_names = {"a", "b"}}));
  const std::vector<Prediction> predictions{
      {.predicted_class = 1, .label = "b", .confidence = 0.5F, .top_k = {{1, "b", 0.5F}}}};
  const std::vector<std::int32_t> truth{0};
  ASSERT_TRUE(bus.log_batch({.epoch = 1,
                             .batch = 7,
                             .batch_size = 64,
                             .loss = 0.25,
                             .accuracy = 0.5,
                             .learning_rate = 0.1,
                             .predictions = predictions,
                             .ground_truth = truth}));
  ASSERT_TRUE(bus.log_perf({.current_fps = 12, .resources = Resources{.cpu_percent = 50}}));
  ASSERT_TRUE(bus.log_epoch({.epoch = 1, .average_loss = 0.75, .validation_loss = 0.5}));
  ASSERT_TRUE(bus.finish(v1::COMPLETED, "done", seconds(60)));

  Consumer consumer({.broker = broker.address()});
  std::map<Kind, std::vector<v1::MetricsRequest>> records;
  ASSERT_TRUE(eventually("five records", [&] {
    if (const Record* record = consumer.next(milliseconds(60))) records[record->topic.kind].push_back(record->message);
    return records[v1::KIND_STATUS].size() == 2 && records.size() == 4;
  }));
  const auto& batch = records[v1::KIND_BATCH][0];
  EXPECT_EQ(batch.session_id(), "r/t");
  EXPECT_EQ(batch.incarnation(), bus.incarnation());
  EXPECT_EQ(batch.sequence(), 1u);
  EXPECT_GE(batch.timestamp_ms(), before);
  EXPECT_EQ(batch.batch_data().batch_idx(), 7);
  EXPECT_EQ(batch.batch_data().batch_loss(), 0.25);
  EXPECT_EQ(batch.batch_data().step(), 1u);
  EXPECT_EQ(batch.batch_data().predictions(0).top_k_scores(0).label(), "b");
  EXPECT_EQ(batch.batch_data().ground_truth(0), 0);
  EXPECT_EQ(records[v1::KIND_EPOCH][0].epoch_data().validation_loss(), 0.5);
  EXPECT_FALSE(records[v1::KIND_EPOCH][0].epoch_data().has_validation_accuracy());
  EXPECT_EQ(records[v1::KIND_PERF][0].performance_data().resource_usage().cpu_percent(), 50);
  EXPECT_EQ(records[v1::KIND_STATUS][0].status_update().config().model_name(), "Stra?e");
  EXPECT_EQ(records[v1::KIND_STATUS][1].status_update().status(), v1::COMPLETED);
  EXPECT_FALSE(bus.log_epoch({}));
  EXPECT_EQ(bus.counters().stored, 5u);
  EXPECT_EQ(bus.counters().refused, 1u);
}

TEST(Producer, ABrokerThatComesLateGetsEverythingInOrder) {
  std::string address;
  std::string dir;
  test::TempDir keep;
  {
    RunningBroker broker(keep / "state");
    address = broker.address();
  }
  Producer bus(options(address));
  for (int batch = 0; batch < 500; ++batch)
    ASSERT_TRUE(bus.log_batch({.batch = batch}));
  EXPECT_FALSE(bus.connected());
  RunningBroker broker(keep / "state", address);
  const auto batches = stored_batches(address, 500);
  for (int batch = 0; batch < 500; ++batch)
    ASSERT_EQ(batches[batch], batch);
  EXPECT_TRUE(eventually("all acknowledged", [&] { return bus.counters().in_outbox == 0; }));
  EXPECT_TRUE(bus.connected());
}

TEST(Producer, ABrokerThatRestartsMissesNothing) {
  RunningBroker broker;
  Producer bus(options(broker.address()));
  for (int batch = 0; batch < 300; ++batch) {
    bus.log_batch({.batch = batch});
    if (batch == 100) {
      ASSERT_TRUE(eventually("something stored", [&] { return bus.counters().stored > 0; }));
      broker.stop();
      EXPECT_TRUE(eventually("the loss is seen", [&] { return !bus.connected(); }));
    }
    if (batch == 200) broker.start();
  }
  EXPECT_TRUE(eventually("all acknowledged", [&] { return bus.counters().in_outbox == 0; }));
  EXPECT_EQ(stored_batches(broker.address(), 300).back(), 299);
}

TEST(Producer, CloseWaitsForTheBrokerAndNoLongerThanAsked) {
  RunningBroker broker;
  Producer bus(options(broker.address()));
  for (int batch = 0; batch < 1000; ++batch)
    bus.log_batch({.batch = batch});
  EXPECT_TRUE(bus.close(seconds(60)));
  EXPECT_EQ(bus.counters().stored, 1000u);

  Producer lonely(options("tcp://127.0.0.1:1"));
  lonely.log_batch({});
  const test::Patience patience(seconds(1));
  EXPECT_FALSE(lonely.close(milliseconds(100)));
  EXPECT_FALSE(patience.over());
  EXPECT_EQ(lonely.counters().lost, 1u) << "it has no spool";
}

// Whether each alert that the journal has was raised (true) or ended, as "limit: why".
std::vector<std::pair<std::string, bool>> alerts_of(const std::string& broker, std::size_t count) {
  Consumer consumer({.broker = broker, .kinds = {v1::KIND_ALERT}, .run = "r"});
  std::vector<std::pair<std::string, bool>> alerts;
  EXPECT_TRUE(eventually("alerts in the journal", [&] {
    while (const Record* record = consumer.next(milliseconds(10)))
      alerts.emplace_back(record->message.alert().rule() + ": " + record->message.alert().message(),
                          record->message.alert().active());
    return alerts.size() >= count;
  }));
  return alerts;
}

TEST(Producer, WhatItsBoundRefusedIsAnAlertOnceTheBrokerIsBackAndEndsWithTheTraining) {
  AwayBroker away;
  ProducerOptions small = options(away.address);
  small.outbox_bytes = 8 << 20;
  small.outbox_records = 10;
  Producer bus(small);
  while (bus.log_perf({})) {
  }
  RunningBroker broker(away.state, away.address);
  const auto raised = alerts_of(broker.address(), 1);
  ASSERT_EQ(raised.size(), 1u);
  EXPECT_THAT(raised[0].first, testing::HasSubstr("limit: 1 records were refused"));
  EXPECT_TRUE(raised[0].second);
  bus.finish(v1::COMPLETED);
  const auto both = alerts_of(broker.address(), 2);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[1].first, "limit: the training has ended");
  EXPECT_FALSE(both[1].second);
}

TEST(Producer, PastItsBoundsItRefusesAndCounts) {
  test::TempDir folder;
  ProducerOptions on_disk = options("tcp://127.0.0.1:1", folder / "spool");
  on_disk.spool_bytes = 8 << 20;
  ProducerOptions in_memory = options("tcp://127.0.0.1:1");
  in_memory.outbox_bytes = 8 << 20;
  for (ProducerOptions small : {on_disk, in_memory}) {
    small.outbox_records = 10;
    Producer bus(small);
    std::uint64_t taken = 0;
    while (bus.log_perf({}))
      ++taken;
    EXPECT_GE(taken, 50'000u);
    const ProducerCounters counters = bus.counters();
    EXPECT_EQ(counters.accepted, taken);
    EXPECT_EQ(counters.refused, 1u);
    EXPECT_EQ(counters.in_outbox, taken);
    EXPECT_EQ(counters.spool_failed > 0, !small.spool_dir.empty()) << "what the bound of the files leaves to memory";
    bus.close(milliseconds(0));
  }
}

TEST(Producer, TheNextStartDeliversWhatNoBrokerTook) {
  test::TempDir folder;
  const AwayBroker away;
  for (int owner = 0; owner < 2; ++owner) {
    Producer bus(options(away.address, folder / "spool"));
    for (int batch = 0; batch < 1000; ++batch)
      ASSERT_TRUE(bus.log_batch({.batch = batch}));
    const test::Patience patience(seconds(1));
    EXPECT_FALSE(bus.close(milliseconds(100)));
    EXPECT_FALSE(patience.over());
  }
  EXPECT_EQ(spool_list(folder / "spool").size(), 2u);
  RunningBroker broker(away.state, away.address);
  Producer bus(options(broker.address(), folder / "spool"));
  ASSERT_TRUE(bus.log_batch({.batch = 7}));
  EXPECT_TRUE(eventually("the earlier owners are stored", [&] { return bus.counters().recovered == 2000; }));
  EXPECT_TRUE(bus.close(seconds(60)));
  EXPECT_THAT(spool_list(folder / "spool"), testing::IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(folder / "spool"));

  Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_BATCH}});
  std::map<std::uint64_t, std::vector<int>> owners;
  EXPECT_TRUE(eventually("2001 batches", [&] {
    for (const Record* record; (record = consumer.next(milliseconds(1)));)
      owners[record->message.incarnation()].push_back(record->message.batch_data().batch_idx());
    return owners.size() == 3 && owners[bus.incarnation()].size() == 1;
  }));
  for (const auto& [incarnation, batches] : owners)
    for (std::size_t i = 0; incarnation != bus.incarnation() && i < 1000; ++i)
      ASSERT_EQ(batches.at(i), static_cast<int>(i));
}

TEST(Producer, TwoStartsAtOnceDeliverASpoolOnce) {
  test::TempDir folder;
  const AwayBroker away;
  {
    Producer bus(options(away.address, folder / "spool"));
    for (int batch = 0; batch < 1000; ++batch)
      bus.log_batch({.batch = batch});
    bus.close(milliseconds(0));
  }
  RunningBroker broker(away.state, away.address);
  Producer first(options(broker.address(), folder / "spool"));
  Producer second(options(broker.address(), folder / "spool"));
  EXPECT_TRUE(eventually("the spool is delivered", [&] { return spool_list(folder / "spool").size() == 2; }));
  EXPECT_TRUE(
      eventually("counted once", [&] { return first.counters().recovered + second.counters().recovered == 1000; }));
}

TEST(Producer, ASpoolIsSentWithoutATrainer) {
  test::TempDir folder;
  const AwayBroker away;
  {
    Producer bus(options(away.address, folder / "spool"));
    for (int batch = 0; batch < 300; ++batch)
      bus.log_batch({.batch = batch});
    bus.close(milliseconds(0));
  }
  const auto owners = spool_list(folder / "spool");
  ASSERT_EQ(owners.size(), 1u);
  EXPECT_EQ(owners[0].session_id, "r/t");
  EXPECT_EQ(owners[0].records, 300u);
  EXPECT_FALSE(owners[0].in_use);
  EXPECT_FALSE(spool_send(folder / "spool", away.address, milliseconds(50)).complete);
  RunningBroker broker(away.state, away.address);
  const SpoolOutcome outcome = spool_send(folder / "spool", broker.address(), seconds(60));
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.delivered, 300u);
  EXPECT_EQ(stored_batches(broker.address(), 300).back(), 299);
  EXPECT_THAT(spool_list(folder / "spool"), testing::IsEmpty());
}

// In a child: log as fast as it goes, say how much was accepted, and be killed in the middle of it.
TEST(Producer, AKilledTrainerLosesNothingItAccepted) {
  test::TempDir folder;
  auto* accepted = static_cast<std::atomic<int>*>(
      mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const pid_t child = fork();
  if (child == 0) {
    Producer bus(options("tcp://127.0.0.1:1", folder / "spool"));
    for (int batch = 0;; ++batch)
      if (bus.log_batch({.batch = batch})) accepted->store(batch + 1);
  }
  EXPECT_TRUE(eventually("a segment is full", [&] { return accepted->load() > 60'000; }));
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const auto owners = spool_list(folder / "spool");
  ASSERT_EQ(owners.size(), 1u);
  EXPECT_GE(owners[0].records, static_cast<std::uint64_t>(accepted->load()));
  EXPECT_LE(owners[0].records, static_cast<std::uint64_t>(accepted->load()) + 1);
  RunningBroker broker;
  EXPECT_EQ(spool_send(folder / "spool", broker.address(), seconds(60), true).delivered, owners[0].records);
  munmap(accepted, sizeof(std::atomic<int>));
}

TEST(Producer, AFolderThatCannotBeUsedCostsOnlySafety) {
  RunningBroker broker;
  Producer bus(options(broker.address(), "/proc/trainbus"));
  ASSERT_TRUE(bus.log_batch({.batch = 1}));
  EXPECT_THAT(bus.spool_problem(), testing::HasSubstr("/proc/trainbus"));
  EXPECT_EQ(bus.counters().spool_failed, 1u);
  EXPECT_TRUE(bus.close(seconds(60)));
}

TEST(Producer, WithoutABrokerAddressItIsOff) {
  Producer bus(options(""));
  EXPECT_TRUE(bus.log_batch({}));
  EXPECT_TRUE(bus.step());
  EXPECT_FALSE(bus.connected());
  EXPECT_EQ(bus.counters().accepted, 0u);
  EXPECT_TRUE(bus.finish(v1::COMPLETED));
}

TEST(Producer, SaysWhichOptionIsWrong) {
  const auto problem = [](ProducerOptions wrong) -> std::string {
    try {
      Producer bus(wrong);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_THAT(problem({.run = "a b", .trainer = "t"}), testing::HasSubstr("run name 'a b'"));
  EXPECT_THAT(problem({.run = "r", .trainer = ""}), testing::HasSubstr("trainer name ''"));
  EXPECT_THAT(problem({.run = "r", .trainer = "t", .broker = "localhost"}), testing::HasSubstr("'localhost'"));
  EXPECT_THAT(problem({.run = "r", .trainer = "t", .broker = "tcp://127.0.0.1:*"}), testing::HasSubstr("needs a port"));
  EXPECT_THAT(problem({.run = "r", .trainer = "t", .tile_pixels = 513}), testing::HasSubstr("tile_pixels 513"));
}

TEST(Producer, TilesFlowWhileWatchedAndTheLedgerCloses) {
  RunningBroker broker;
  Producer bus(options(broker.address()));
  TileFeed feed(broker.address());
  const std::vector<std::uint8_t> pixels(300 * 200 * 3, 100);
  const auto tiles = [&](TileBatch& batch) {
    while (batch.room() > 0)
      batch.add(pixels.data(), 300, 200, 3, 0, 1, {.predicted_class = 2, .label = "two"});
  };
  bus.log_batch({}, tiles);
  EXPECT_EQ(bus.counters().tiles_skipped_no_demand, 1u);
  feed.watch({"r", "t"}, 0, 64);
  ASSERT_TRUE(eventually("watched", [&] { return bus.watched(); }));
  v1::MetricsRequest newest;
  ASSERT_TRUE(eventually("tiles as small as the viewer wants", [&] {
    bus.log_batch({.batch = 5}, tiles);
    for (const TileFrame& frame : feed.take())
      EXPECT_TRUE(newest.ParseFromString(*frame.bytes));
    return newest.batch_data().images_size() == 16 && newest.batch_data().images(0).width() == 64;
  }));
  EXPECT_EQ(newest.batch_data().images(0).height(), 43);
  EXPECT_EQ(newest.batch_data().batch_idx(), 5);
  feed.unwatch({"r", "t"});
  ASSERT_TRUE(eventually("no longer watched", [&] { return !bus.watched(); }));
  bus.close(seconds(2));
  const ProducerCounters counters = bus.counters();
  EXPECT_GT(counters.tiles_sent, 0u);
  EXPECT_EQ(counters.tiles_produced,
            counters.tiles_skipped_no_demand + counters.tiles_dropped_at_source + counters.tiles_sent);
}

TEST(Producer, NobodyWatchesABrokerThatIsGone) {
  RunningBroker broker;
  Producer bus(options(broker.address()));
  TileFeed feed(broker.address());
  feed.watch({"r", "t"});
  ASSERT_TRUE(eventually("watched", [&] { return bus.watched(); }));
  broker.stop();
  EXPECT_TRUE(eventually("not watched", [&] { return !bus.watched(); }));
  broker.start();
  EXPECT_TRUE(eventually("watched again", [&] { return bus.watched(); }));
}

// A training loop in a thread, and an operator.
class ControlledTraining : public testing::Test {
 protected:
  ~ControlledTraining() override {
    bus_.interrupt();
    loop_.join();
  }

  // Issues a command and waits for its end.
  v1::ControlCommand command(v1::CommandType type, const std::string& value = {}) {
    v1::ControlCommand command;
    command.set_type(type);
    command.set_command_id(new_command_id());
    if (!value.empty()) (*command.mutable_parameters())["value"] = value;
    EXPECT_TRUE(control_.issue("r/t", command, seconds(60)));
    v1::ControlCommand last;
    EXPECT_TRUE(eventually(std::string(command_verb(type)) + " has ended", [&] {
      const auto found = control_.find(command.command_id(), seconds(60));
      if (found && !found->commands.empty()) last = found->commands[0].command();
      return command_ended(last.state());
    }));
    return last;
  }

  RunningBroker broker_;
  Producer bus_{options(broker_.address())};
  ControlClient control_{broker_.address()};
  double rate_ = 0.1;
  std::atomic<int> times_set_{0};
  std::atomic<std::uint64_t> steps_{0};
  std::atomic<bool> ended_{false};
  std::thread loop_{[this] {
    bus_.on_learning_rate([this](double value) {
      ++times_set_;
      return Applied{std::exchange(rate_, value), value};
    });
    bus_.start({.total_epochs = 1});
    while (bus_.step()) {
      ++steps_;
      bus_.log_batch({.learning_rate = rate_}, {}, false);
      std::this_thread::sleep_for(milliseconds(1));
    }
    ended_ = true;
  }};
};

TEST_F(ControlledTraining, AppliesACommandOnceAndSaysWhatChanged) {
  ASSERT_TRUE(eventually("connected", [&] { return bus_.connected(); }));
  const auto done = command(v1::CHANGE_LEARNING_RATE, "0.05");
  EXPECT_EQ(done.state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(done.old_value(), "0.1");
  EXPECT_EQ(done.new_value(), "0.05");
  EXPECT_GT(done.applied_step(), 0u);
  EXPECT_EQ(times_set_, 1);
  EXPECT_EQ(command(v1::ADJUST_BATCH_SIZE, "32").state(), v1::COMMAND_REJECTED);
}

TEST_F(ControlledTraining, StandsStillWhilePausedAndStopsOutOfThePause) {
  ASSERT_TRUE(eventually("connected", [&] { return bus_.connected(); }));
  EXPECT_EQ(command(v1::PAUSE_TRAINING).state(), v1::COMMAND_APPLIED);
  EXPECT_TRUE(bus_.paused());
  const std::uint64_t steps = steps_;
  EXPECT_EQ(command(v1::CHANGE_LEARNING_RATE, "0.5").state(), v1::COMMAND_APPLIED);  // a command and its answer later
  EXPECT_EQ(steps_, steps);
  EXPECT_EQ(command(v1::RESUME_TRAINING).state(), v1::COMMAND_APPLIED);
  EXPECT_TRUE(eventually("steps again", [&] { return steps_ > steps; }));
  EXPECT_EQ(command(v1::PAUSE_TRAINING).state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(command(v1::STOP_TRAINING).state(), v1::COMMAND_APPLIED);
  EXPECT_TRUE(eventually("the loop has ended", [&] { return ended_.load(); }));
  EXPECT_TRUE(bus_.stop_commanded());
}

TEST(Producer, AForkedChildLeavesTheParentsBusAlone) {
  RunningBroker broker;
  test::TempDir folder;
  Producer bus(options(broker.address(), folder / "spool"));
  ASSERT_TRUE(bus.log_batch({.batch = 1}));
  const pid_t child = fork();
  if (child == 0) {
    bus.log_batch({.batch = 99});
    const bool good = bus.step() && bus.close(seconds(60)) && bus.counters().accepted == 0;
    bus.~Producer();
    _exit(good ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  bus.log_batch({.batch = 2});
  EXPECT_TRUE(bus.close(seconds(60)));
  EXPECT_THAT(stored_batches(broker.address(), 2), ElementsAre(1, 2));
}

// A data loader's worker may outlive its trainer.
TEST(Producer, AForkedChildDoesNotHoldADeadTrainersSpool) {
  test::TempDir folder;
  int workers_pipe[2];
  ASSERT_EQ(pipe(workers_pipe), 0);
  const pid_t trainer = fork();
  if (trainer == 0) {
    Producer bus(options("tcp://127.0.0.1:1", folder / "spool"));
    bus.log_batch({});
    const pid_t worker = fork();
    if (worker == 0) pause();
    if (write(workers_pipe[1], &worker, sizeof worker) != sizeof worker) _exit(1);
    pause();
  }
  pid_t worker = -1;
  ASSERT_EQ(read(workers_pipe[0], &worker, sizeof worker), static_cast<ssize_t>(sizeof worker));
  EXPECT_TRUE(spool_list(folder / "spool").at(0).in_use);
  kill(trainer, SIGKILL);
  waitpid(trainer, nullptr, 0);
  EXPECT_FALSE(spool_list(folder / "spool").at(0).in_use);
  kill(worker, SIGKILL);
  RunningBroker broker;
  EXPECT_EQ(spool_send(folder / "spool", broker.address(), seconds(60), true).delivered, 1u);
}

}  // namespace
}  // namespace trainbus
