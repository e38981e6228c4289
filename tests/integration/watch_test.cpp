// trainbus-watch as a user runs it: what it says, and what it raises.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::Process;
using test::RunningBroker;
using ::testing::HasSubstr;

std::vector<std::string> watching(const RunningBroker& broker) {
  return {"--broker", broker.address(), "--interval", "100ms"};
}

// The next alert record, as "rule+" when it began and "rule-" when it ended.
std::string next_alert(Consumer& alerts) {
  std::string text = "nothing";
  static_cast<void>(eventually("an alert", [&] {
    const auto* record = alerts.next(milliseconds(5));
    if (record != nullptr) text = record->message.alert().rule() + (record->message.alert().active() ? '+' : '-');
    return record != nullptr;
  }));
  return text;
}

TEST(Watch, ADeadTrainerIsRaisedOnceOverRestartsOfTheWatcherAndEndsWithItsNextLife) {
  RunningBroker broker;
  Consumer alerts({.broker = broker.address(), .kinds = {v1::KIND_ALERT}});
  {
    Producer victim({.run = "r", .trainer = "t", .broker = broker.address()});
    victim.start({.total_epochs = 1});
    victim.log_batch({.epoch = 1, .batch = 0, .loss = 0.5});
    ASSERT_TRUE(eventually("stored", [&] { return victim.counters().stored == 2; }));
  }  // gone without a goodbye
  for (int restart = 0; restart < 2; ++restart) {
    Process watch("trainbus-watch", watching(broker));
    ASSERT_TRUE(watch.wait_for("DEAD  step 1", seconds(12))) << watch.output();
    if (restart == 0) {
      EXPECT_EQ(next_alert(alerts), "dead+");
      EXPECT_TRUE(watch.wait_for("alert dead: "));
    }
    watch.signal(SIGTERM);
    EXPECT_EQ(watch.wait(seconds(2)), 0);
  }
  Process watch("trainbus-watch", watching(broker));
  Producer revived({.run = "r", .trainer = "t", .broker = broker.address()});
  revived.start({.total_epochs = 1});
  EXPECT_EQ(next_alert(alerts), "dead-") << "and not raised again by the restarted watcher";
}

TEST(Watch, ALossThatIsNotFiniteIsRaisedAndEnds) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  producer.start({.total_epochs = 1});
  Consumer alerts({.broker = broker.address(), .kinds = {v1::KIND_ALERT}});
  producer.log_batch({.epoch = 1, .batch = 0, .loss = std::nan("")});
  Process watch("trainbus-watch", watching(broker));
  EXPECT_EQ(next_alert(alerts), "not_finite+");
  producer.log_batch({.epoch = 1, .batch = 1, .loss = 0.5});
  EXPECT_EQ(next_alert(alerts), "not_finite-");
  producer.finish(v1::COMPLETED);
  EXPECT_TRUE(watch.wait_for("ALIVE -> COMPLETED"));
}

TEST(Watch, ALossThatIsNotFiniteForOneBatchBetweenTwoLooksIsRaisedAndEnds) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  producer.start({.total_epochs = 1});
  Consumer alerts({.broker = broker.address(), .kinds = {v1::KIND_ALERT}});
  Process watch("trainbus-watch", {"--broker", broker.address(), "--interval", "500ms"});
  ASSERT_TRUE(watch.wait_for("r/t  WAITING"));
  const Record* first = nullptr;
  int step = 0;  // repeated, because a watcher sees what comes once it listens
  ASSERT_TRUE(eventually("an alert", [&] {
    producer.log_batch({.epoch = 1, .batch = step++, .loss = std::nan("")});
    producer.log_batch({.epoch = 1, .batch = step++, .loss = 0.5});
    first = alerts.next(milliseconds(600));
    return first != nullptr;
  }));
  EXPECT_EQ(first->message.alert().rule(), "not_finite");
  EXPECT_THAT(first->message.alert().message(), ::testing::MatchesRegex("the loss is NaN at step [0-9]*[13579]"));
  EXPECT_EQ(next_alert(alerts), "not_finite-");
}

TEST(Watch, AnyValueThatIsNotFiniteIsRaisedAndOneThatWasNotSaidIsNot) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  producer.start({.total_epochs = 2});
  Consumer alerts({.broker = broker.address(), .kinds = {v1::KIND_ALERT}});
  Process watch("trainbus-watch", watching(broker));
  ASSERT_TRUE(watch.wait_for("r/t  "));
  producer.log_batch({.epoch = 1, .batch = 0});
  producer.log_epoch({.epoch = 1});
  producer.log_scalars({{"fid", 3}});
  producer.log_epoch({.epoch = 2, .validation_loss = std::nan("")});  // the first alert: what was not said raised none
  const Record* first = nullptr;
  ASSERT_TRUE(eventually("an alert", [&] { return (first = alerts.next(milliseconds(100))) != nullptr; }));
  EXPECT_THAT(first->message.alert().message(), HasSubstr("validation_loss is NaN at step"));
  producer.log_epoch({.epoch = 3, .validation_loss = 0.5});
  EXPECT_EQ(next_alert(alerts), "not_finite-");
  producer.log_scalars({{"fid", -INFINITY}});
  ASSERT_TRUE(eventually("an alert", [&] { return (first = alerts.next(milliseconds(100))) != nullptr; }));
  EXPECT_THAT(first->message.alert().message(), HasSubstr("fid is -Infinity at step"));
  producer.log_scalars({{"fid", 3}});
  EXPECT_EQ(next_alert(alerts), "not_finite-");
  producer.finish(v1::STOPPED);
  EXPECT_TRUE(watch.wait_for("-> STOPPED"));
}

TEST(Watch, TellsWhenTheBrokerGoesAndComesBack) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address(), .heartbeat_interval = seconds(1)});
  producer.log_batch({.epoch = 1, .batch = 0, .loss = 0.5});
  Process watch("trainbus-watch", watching(broker));
  ASSERT_TRUE(watch.wait_for("r/t  ALIVE"));
  broker.stop();
  EXPECT_TRUE(watch.wait_for("ALIVE -> UNREACHABLE"));
  broker.start();
  EXPECT_TRUE(watch.wait_for("UNREACHABLE -> ALIVE"));
}

TEST(Watch, OnceIsATableOrJsonAndNeedsABroker) {
  RunningBroker broker;
  Process empty("trainbus-watch", {"--once", "--broker", broker.address()});
  EXPECT_EQ(empty.wait(seconds(5)), 0);
  EXPECT_EQ(empty.output(), "no trainers\n");
  Process json("trainbus-watch", {"--once", "--json", "--broker", broker.address()});
  EXPECT_EQ(json.wait(seconds(5)), 0);
  EXPECT_TRUE(nlohmann::json::parse(json.output())["trainers"].empty());
  Process alone("trainbus-watch", {"--once", "--broker", "tcp://127.0.0.1:9"});
  EXPECT_EQ(alone.wait(seconds(8)), 1);
  EXPECT_THAT(alone.output(), HasSubstr("no broker answers at tcp://127.0.0.1:9"));
}

}  // namespace
}  // namespace trainbus
