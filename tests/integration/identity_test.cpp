// Who is who on the bus: incarnations in the order in which they were heard, two trainers of one name, and numbers that
// nobody may use. A real broker and the plainest peers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/plain_trainer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/spool.hpp"
#include "trainbus/trainer_table.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::PlainPeer;
using test::Process;
using test::RunningBroker;
using test::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kAhead = (std::uint64_t{1'800'000'000'000} << 20) | 0xaaaaa;  // started under a wrong clock
constexpr std::uint64_t kRight = (std::uint64_t{1'763'900'000'000} << 20) | 0xbbbbb;

v1::MetricsRequest status(std::uint64_t incarnation, std::uint64_t sequence, v1::TrainingStatus said) {
  v1::MetricsRequest record;
  record.set_session_id("r/t");
  record.set_incarnation(incarnation);
  record.set_sequence(sequence);
  record.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  record.mutable_status_update()->set_status(said);
  return record;
}

class IdentityTest : public ::testing::Test {
 protected:
  static v1::MetricsRequest beat(std::uint64_t incarnation) {
    v1::MetricsRequest record;
    record.set_session_id("r/t");
    record.set_incarnation(incarnation);
    record.mutable_heartbeat()->set_step(1);
    return record;
  }
  // All that is known of r/t, oldest first.
  std::vector<v1::TrainerEntry> listed(bool older = false) {
    v1::ListRequest request;
    request.set_run("r");
    request.set_older(older);
    const auto list = client.list(request, seconds(30));
    return list ? std::vector<v1::TrainerEntry>(list->trainers().begin(), list->trainers().end())
                : std::vector<v1::TrainerEntry>{};
  }
  std::vector<std::uint64_t> numbers(bool older = false) {
    std::vector<std::uint64_t> numbers;
    for (const auto& entry : listed(older))
      numbers.push_back(entry.incarnation());
    return numbers;
  }
  // The alerts duplicate_name that were raised and ended: '+' and '-'.
  std::string alerts() {
    Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_ALERT}, .run = "r"});
    std::string seen;
    eventually("caught up", [&] {
      while (const auto* record = consumer.next(milliseconds(1)))
        if (record->message.alert().rule() == "duplicate_name") seen += record->message.alert().active() ? '+' : '-';
      return consumer.caught_up();
    });
    return seen;
  }

  RunningBroker broker;
  ControlClient client{broker.address()};
};

TEST_F(IdentityTest, ARequeueUnderAnEarlierClockIsTheNewerAlsoAfterARestartOfTheBroker) {
  PlainPeer first(broker.endpoints());
  ASSERT_TRUE(first.hello(kAhead).has_welcome());
  first.resend_as("status/r/t/", status(kAhead, 1, v1::COMPLETED));
  PlainPeer second(broker.endpoints());
  ASSERT_TRUE(second.hello(kRight).has_welcome());
  second.resend_as("status/r/t/", status(kRight, 1, v1::RUNNING));
  first.resend_as("status/r/t/", status(kAhead, 2, v1::FAILED));
  ASSERT_TRUE(eventually("both are stored", [&] { return numbers(true).size() == 2; }));
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{kRight});
  EXPECT_EQ(second.issue(v1::PAUSE_TRAINING).command_state().commands(0).command().state(), v1::COMMAND_ACCEPTED);
  broker.stop();
  broker.start();
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{kRight});
  EXPECT_EQ(numbers(true), (std::vector<std::uint64_t>{kAhead, kRight}));
}

TEST_F(IdentityTest, WhatALaterStartDeliversOfAnEarlierStandsBeforeIt) {
  PlainPeer trainer(broker.endpoints());
  ASSERT_TRUE(trainer.hello(kRight).has_welcome());
  trainer.resend_as("status/r/t/", status(kRight, 1, v1::RUNNING));
  v1::MetricsRequest delivery;
  delivery.set_session_id("r/t");
  delivery.set_incarnation(kAhead);
  delivery.mutable_hello()->set_from_spool(true);
  delivery.mutable_hello()->set_delivered_by(kRight);
  trainer.send_raw(delivery.SerializeAsString());
  trainer.resend_as("status/r/t/", status(kAhead, 1, v1::RUNNING));
  ASSERT_TRUE(eventually("it is stored", [&] {
    const auto all = listed(true);
    return all.size() == 2 && all[0].records() == 1;
  }));
  EXPECT_EQ(numbers(true), (std::vector<std::uint64_t>{kAhead, kRight}));
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{kRight});
}

// By the trainer's own clock it was heard 40 days ago.
TEST_F(IdentityTest, TheAgeOfWhoEndedIsByTheBrokersClockAlsoAfterARestart) {
  constexpr std::uint64_t k40Days = 40ULL * 24 * 3600 * 1000;
  PlainPeer trainer(broker.endpoints());
  ASSERT_TRUE(trainer.hello(kRight).has_welcome());
  auto record = status(kRight, 1, v1::COMPLETED);
  record.set_timestamp_ms(record.timestamp_ms() - k40Days);
  trainer.resend_as("status/r/t/", record);
  ASSERT_TRUE(eventually("it is stored", [&] { return !listed().empty() && listed()[0].records() == 1; }));
  broker.stop();
  broker.start();
  const auto list = client.list(v1::ListRequest(), seconds(30));
  ASSERT_TRUE(list);
  TrainerTable table;
  table.update(*list, steady_ms());
  ASSERT_EQ(table.rows(steady_ms()).size(), 1U);
  const auto age_ms = table.rows(steady_ms())[0].view->last_heard_age_ms(steady_ms());
  EXPECT_GE(age_ms, 0);
  EXPECT_LT(age_ms, 3'600'000);
}

TEST_F(IdentityTest, ASpoolThatAsksWhoTheBrokerIsIsNoTrainer) {
  const TempDir empty;
  EXPECT_TRUE(spool_send(empty / "spool", broker.address(), seconds(30)).complete);
  const auto list = client.list(v1::ListRequest(), seconds(30));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->total(), 0U);
}

TEST_F(IdentityTest, AConsumerKnowsTheOrderOfEveryRecordItIsGiven) {
  PlainPeer trainer(broker.endpoints());
  Consumer live({.broker = broker.address(), .kinds = {v1::KIND_STATUS}, .run = "r", .history = false});
  ASSERT_TRUE(eventually("caught up", [&] {
    live.next(milliseconds(1));
    return live.caught_up();
  }));
  const auto next_order = [](Consumer& consumer, std::uint64_t incarnation) {
    std::int64_t order = 0;
    eventually("a record of it", [&] {
      const auto* record = consumer.next(milliseconds(10));
      if (record == nullptr || record->message.incarnation() != incarnation) return false;
      order = record->order;
      return true;
    });
    return order;
  };
  trainer.resend_as("status/r/t/", status(kAhead, 1, v1::RUNNING));
  const auto first = next_order(live, kAhead);
  trainer.resend_as("status/r/t/", status(kRight, 1, v1::RUNNING));
  const auto second = next_order(live, kRight);
  EXPECT_NE(first, 0);
  EXPECT_LT(first, second);
  Consumer late({.broker = broker.address(), .kinds = {v1::KIND_STATUS}, .run = "r"});
  EXPECT_EQ(next_order(late, kAhead), first);
  EXPECT_EQ(next_order(late, kRight), second);
}

TEST_F(IdentityTest, TwoLiveTrainersOfOneNameAreSeenAndEachIsCommandedByItsOwnName) {
  PlainPeer older(broker.endpoints()), newer(broker.endpoints());
  ASSERT_TRUE(older.wait_until_heard());
  ASSERT_TRUE(newer.wait_until_heard());
  ASSERT_EQ(older.hello(kAhead).welcome().other_live_size(), 0);
  const auto welcome = newer.hello(kRight).welcome();
  ASSERT_EQ(welcome.other_live_size(), 1) << "its user is told at the start";
  EXPECT_EQ(welcome.other_live(0), kAhead);
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{kAhead, kRight}));

  const auto unnamed = newer.issue(v1::PAUSE_TRAINING).command_state();
  ASSERT_EQ(unnamed.commands_size(), 1);
  EXPECT_EQ(unnamed.commands(0).command().state(), v1::COMMAND_REJECTED);
  EXPECT_THAT(unnamed.commands(0).command().reason(), AllOf(HasSubstr("r/t@aaaaa"), HasSubstr("r/t@bbbbb")));
  newer.issue(v1::PAUSE_TRAINING, "", "r/t", kAhead);
  EXPECT_EQ(older.next_of(v1::MetricsResponse::kCommand).command().expected_incarnation(), kAhead);
  newer.issue(v1::PAUSE_TRAINING, "", "r/t", kRight);
  EXPECT_EQ(newer.next_of(v1::MetricsResponse::kCommand).command().expected_incarnation(), kRight);

  const auto both_beat = [&] {
    older.publish("heartbeat/r/t/", beat(kAhead).SerializeAsString());
    newer.publish("heartbeat/r/t/", beat(kRight).SerializeAsString());
  };
  ASSERT_TRUE(eventually("the alert", [&] {
    both_beat();
    return alerts() == "+";
  }));
  broker.stop();
  broker.start();
  EXPECT_TRUE(older.hello(kAhead).has_welcome()) << "both come back";
  EXPECT_TRUE(newer.hello(kRight).has_welcome());
  both_beat();
  EXPECT_EQ(numbers(), (std::vector<std::uint64_t>{kAhead, kRight}));
  EXPECT_EQ(alerts(), "+") << "it is one alert";
}

// A trainer that says 1 at every start, or its job's number.
TEST_F(IdentityTest, ARestartThatKeepsItsIncarnationIsSaid) {
  PlainPeer trainer(broker.endpoints());
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence)
    trainer.resend_as("status/r/t/", status(7, sequence, v1::RUNNING));
  ASSERT_TRUE(eventually("they are stored", [&] { return !listed().empty() && listed()[0].records() == 3; }));
  auto same = status(7, 3, v1::RUNNING);
  same.set_timestamp_ms(1);  // sent again
  trainer.resend_as("status/r/t/", same);
  auto other = status(7, 1, v1::RUNNING);
  other.set_timestamp_ms(other.timestamp_ms() + 60'000);
  trainer.resend_as("status/r/t/", other);
  EXPECT_TRUE(eventually("it is said", [&] { return alerts() == "+"; }));
  EXPECT_EQ(client.stats(seconds(30))->counters().at("records_conflicting_total"), 1U);
}

// Two processes that number nothing.
TEST_F(IdentityTest, TwoThatNumberNothingAndPublishAtOnceAreSaid) {
  test::PlainTrainer one(broker.address());
  test::PlainTrainer other(broker.address());
  const auto publish = [](test::PlainTrainer& trainer, int batch) {
    auto record = test::sample_batch(1, "t");
    record.message.clear_sequence();
    record.message.clear_incarnation();
    record.message.mutable_batch_data()->set_batch_idx(batch);
    trainer.publish(record);
  };
  int batch = 0;
  EXPECT_TRUE(eventually("it is said", [&] {
    publish(one, ++batch);
    publish(other, ++batch);
    return alerts() == "+";
  }));
}

TEST_F(IdentityTest, TheAlertEndsWhenOneOfTheTwoEnds) {
  PlainPeer older(broker.endpoints()), newer(broker.endpoints());
  ASSERT_TRUE(older.wait_until_heard());
  ASSERT_TRUE(newer.wait_until_heard());
  older.hello(kAhead);
  newer.hello(kRight);
  ASSERT_TRUE(eventually("the alert", [&] {
    older.publish("heartbeat/r/t/", beat(kAhead).SerializeAsString());
    newer.publish("heartbeat/r/t/", beat(kRight).SerializeAsString());
    return alerts() == "+";
  }));
  older.resend_as("status/r/t/", status(kAhead, 1, v1::COMPLETED));
  EXPECT_TRUE(eventually("its end", [&] { return alerts() == "+-"; }));
  EXPECT_EQ(newer.issue(v1::PAUSE_TRAINING).command_state().commands(0).command().state(), v1::COMMAND_ACCEPTED);
}

TEST_F(IdentityTest, AKilledTrainerThatIsStartedAgainIsNoConflict) {
  {
    PlainPeer killed(broker.endpoints());
    ASSERT_TRUE(killed.hello(kAhead).has_welcome());
  }
  PlainPeer restarted(broker.endpoints());
  // The broker hears of the end of a connection a moment later.
  ASSERT_TRUE(eventually("alone", [&] { return restarted.hello(kRight).welcome().other_live_size() == 0; }));
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{kRight});
  EXPECT_EQ(restarted.issue(v1::PAUSE_TRAINING).command_state().commands(0).command().state(), v1::COMMAND_ACCEPTED);
}

TEST_F(IdentityTest, ATrainerIsAddressedByTheShortFormThatTheListShows) {
  PlainPeer older(broker.endpoints()), newer(broker.endpoints());
  older.hello(kAhead);
  newer.hello(kRight);
  const auto ctl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--broker", broker.address()});
    Process process("trainbus-ctl", arguments);
    const auto code = process.wait(seconds(20));
    return std::to_string(code.value_or(-1)) + ": " + process.output();
  };
  EXPECT_THAT(ctl({"list"}), AllOf(HasSubstr("t@aaaaa"), HasSubstr("t@bbbbb")));
  EXPECT_THAT(ctl({"pause", "r/t", "--no-wait"}),
              AllOf(HasSubstr("1: "), HasSubstr("r/t@aaaaa"), HasSubstr("r/t@bbbbb")));
  EXPECT_THAT(ctl({"pause", "r/t@aaaaa", "--no-wait"}), HasSubstr("0: "));
  EXPECT_EQ(older.next_of(v1::MetricsResponse::kCommand).command().expected_incarnation(), kAhead);
  EXPECT_THAT(ctl({"pause", "r/t@" + std::to_string(kRight), "--no-wait"}), HasSubstr("0: "));
  EXPECT_EQ(newer.next_of(v1::MetricsResponse::kCommand).command().expected_incarnation(), kRight);
  EXPECT_THAT(ctl({"pause", "r/t@12345", "--no-wait"}), AllOf(HasSubstr("1: "), HasSubstr("no trainer 'r/t@12345'")));
}

TEST_F(IdentityTest, NumbersThatAJournalCannotHoldAreRefusedWithAReasonAndHarmNobody) {
  constexpr std::uint64_t kTooLarge = std::uint64_t{1} << 63;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.publish(PlainPeer::record(1, kTooLarge));
  peer.publish(PlainPeer::record(UINT64_MAX));
  EXPECT_THAT(peer.hello(kTooLarge).error().message(), HasSubstr("number_too_large"));
  peer.resend(PlainPeer::record(1, UINT64_MAX));
  EXPECT_THAT(peer.next_of(v1::MetricsResponse::kError).error().message(), HasSubstr("number_too_large"));
  EXPECT_THAT(peer.issue(v1::PAUSE_TRAINING, "", "r/t", kTooLarge).error().message(), HasSubstr("number_too_large"));
  EXPECT_TRUE(
      eventually("counted", [&] { return peer.counter("data_rejected_total{reason=\"number_too_large\"}") == 2; }));
  EXPECT_TRUE(peer.hello(kRight).has_welcome());
  EXPECT_EQ(numbers(), std::vector<std::uint64_t>{kRight});
}

TEST_F(IdentityTest, RunsThatNumberNothingFollowEachOtherAndFollowANumberedOne) {
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  peer.publish("status/r/t/", status(kAhead, 1, v1::COMPLETED).SerializeAsString());
  for (int run = 0; run < 2; ++run) {
    for (int index = 0; index < 3; ++index) {
      auto record = PlainPeer::record(0, 0);
      record.mutable_batch_data()->set_batch_idx(index);
      peer.publish(record);
    }
    peer.publish("status/r/t/", status(0, 0, v1::COMPLETED).SerializeAsString());
  }
  ASSERT_TRUE(eventually("three incarnations", [&] { return numbers(true).size() == 3; }));
  ASSERT_TRUE(eventually("all stored", [&] { return listed(true)[2].records() == 4; }));
  const auto all = listed(true);
  EXPECT_EQ(all[0].incarnation(), kAhead);
  EXPECT_EQ(all[1].records(), 4u);
  EXPECT_EQ(all[2].unnumbered(), 4u);
}

}  // namespace
}  // namespace trainbus
