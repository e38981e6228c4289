// Questions on the control socket to the real broker.

#include "trainbus/control_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::RunningBroker;
using ::testing::HasSubstr;

v1::ControlCommand learning_rate(const std::string& value) {
  v1::ControlCommand command;
  command.set_type(v1::CHANGE_LEARNING_RATE);
  command.set_issuer("test");
  (*command.mutable_parameters())["value"] = value;
  return command;
}

TEST(ControlClient, ACommandGoesThereAndItsEndComesBack) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  producer.on_learning_rate([](double value) { return Applied{0.1, value}; });
  ASSERT_TRUE(eventually("connected", [&] { return producer.connected(); }));
  ControlClient client(broker.address());
  const auto issued = client.issue("r/t", learning_rate("0.01"), seconds(30));
  ASSERT_TRUE(issued.has_value());
  ASSERT_EQ(issued->commands.size(), 1u) << issued->error;
  const auto id = issued->commands[0].command().command_id();
  EXPECT_EQ(issued->commands[0].command().state(), v1::COMMAND_ACCEPTED);
  v1::ControlCommand end;
  ASSERT_TRUE(eventually("applied", [&] {
    producer.step();
    const auto found = client.find(id, seconds(30));
    if (!found || found->commands.size() != 1) return false;
    end = found->commands[0].command();
    return command_ended(end.state());
  }));
  EXPECT_EQ(end.state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(end.old_value(), "0.1");
  EXPECT_EQ(end.new_value(), "0.01");
  EXPECT_EQ(client.commands_of("r/t", seconds(30))->commands.size(), 1u);
  EXPECT_EQ(client.commands_of("r/*", seconds(30))->commands.size(), 1u);
}

TEST(ControlClient, TheSameIdTwiceIsOneCommand) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  ASSERT_TRUE(eventually("connected", [&] { return producer.connected(); }));
  ControlClient client(broker.address());
  auto command = learning_rate("0.01");
  command.set_command_id(new_command_id());
  ASSERT_EQ(client.issue("r/t", command, seconds(30))->error, "");
  ASSERT_EQ(client.issue("r/t", command, seconds(30))->error, "");
  EXPECT_EQ(client.commands_of("r/t", seconds(30))->commands.size(), 1u);
}

TEST(ControlClient, ARefusalIsOneLineThatNamesTheValue) {
  RunningBroker broker;
  ControlClient client(broker.address());
  EXPECT_THAT(client.issue("r/nobody", learning_rate("0.1"), seconds(30))->error, HasSubstr("r/nobody"));
  EXPECT_THAT(client.issue("r/t", learning_rate("-1"), seconds(30))->error, HasSubstr("-1"));
  EXPECT_THAT(client.find(new_command_id(), seconds(30))->error, HasSubstr("no command"));
}

TEST(ControlClient, ListsTrainersRaisesAlertsAndReadsCounters) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  producer.start({.total_epochs = 2});
  ASSERT_TRUE(eventually("stored", [&] { return producer.counters().stored == 1; }));
  ControlClient client(broker.address());
  const auto list = client.list("r", seconds(30));
  ASSERT_TRUE(list.has_value());
  ASSERT_EQ(list->trainers_size(), 1);
  EXPECT_EQ(list->trainers(0).incarnation(), producer.incarnation());
  EXPECT_EQ(client.list("other", seconds(30))->trainers_size(), 0);
  v1::Alert alert;
  alert.set_alert_id("a1");
  alert.set_rule("dead");
  EXPECT_TRUE(client.raise("r/t", alert, seconds(30)));
  EXPECT_TRUE(client.raise("r/t", alert, seconds(30))) << "the same id again is stored already";
  EXPECT_FALSE(client.raise("r/nobody", alert, seconds(30)));
  EXPECT_FALSE(client.stats(seconds(30))->counters().empty());
}

TEST(ControlClient, AListOfManyTrainersWithAThousandClassesEachHasEveryOne) {
  constexpr int kTrainers = 700;
  RunningBroker broker;
  test::PlainPeer peer(broker.endpoints());
  v1::MetricsRequest record;
  record.set_incarnation(1);
  record.set_sequence(1);
  auto& plan = *record.mutable_status_update()->mutable_config();
  while (plan.class_names_size() < 1'000)
    plan.add_class_names("a class of the data set, number " + std::to_string(plan.class_names_size()));
  for (int trainer = 0; trainer < kTrainers; ++trainer) {
    record.set_session_id("r/t" + std::to_string(trainer));
    peer.resend_as("status/" + record.session_id() + '/', record);
  }
  ControlClient client(broker.address());
  std::optional<v1::TrainerList> list;
  ASSERT_TRUE(eventually("all are known", [&] {
    list = client.list("r", seconds(30));
    return list && list->total() == kTrainers;
  }));
  EXPECT_EQ(list->trainers_size(), kTrainers);
  v1::MetricsRequest plain;
  ASSERT_TRUE(plain.ParseFromString(list->trainers(0).last(0).message()));
  EXPECT_EQ(plain.status_update().config().class_names_size(), 0);
  EXPECT_EQ(list->trainers(0).class_names_left_out(), 1'000u);
  v1::ListRequest whole;
  whole.set_whole(true);
  const auto with_names = client.list(whole, seconds(30));  // 28 MB: more than one message may have
  ASSERT_TRUE(with_names.has_value());
  EXPECT_EQ(with_names->trainers_size(), kTrainers);
  ASSERT_TRUE(plain.ParseFromString(with_names->trainers(kTrainers - 1).last(0).message()));
  EXPECT_EQ(plain.status_update().config().class_names_size(), 1'000);
}

TEST(ControlClient, GivesUpAfterItsTimeoutWithoutABrokerAndFindsOneThatComesBack) {
  RunningBroker broker;
  ControlClient client(broker.address());
  ASSERT_TRUE(client.stats(seconds(30)).has_value());
  broker.stop();
  const test::Patience patience(seconds(1));
  EXPECT_FALSE(client.stats(milliseconds(200)).has_value());
  EXPECT_FALSE(patience.over());
  broker.start();
  EXPECT_TRUE(client.stats(seconds(30)).has_value());
}

}  // namespace
}  // namespace trainbus
