// What a producer reaches of its broker: nothing, one port of it, all of it; and what it says of that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "tests/support/eventually.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/spool.hpp"
#include "trainbus/tile_feed.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::eventually;
using test::RunningBroker;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

// The lines that a person would read.
class Lines {
 public:
  std::function<void(const std::string&)> listener() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  bool have(const std::string& part) const {
    return std::ranges::any_of(all(), [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

class ProducerReach : public testing::Test {
 protected:
  ProducerOptions options(const std::string& broker) {
    return {.run = "r",
            .trainer = "t",
            .broker = broker,
            .heartbeat_interval = 200ms,
            .spool_dir = folder_ / "spool",
            .meter_resources = false,
            .on_problem = lines_.listener()};
  }
  static std::string nobody() {
    RunningBroker broker;
    return broker.address();
  }
  std::size_t spooled() {
    std::size_t records = 0;
    for (const auto& life : spool_list(folder_ / "spool"))
      records += life.records;
    return records;
  }

  test::TempDir folder_;
  Lines lines_;
};

TEST_F(ProducerReach, AShortScriptWithoutABrokerEndsAtOnceAndSaysWhatIsSafe) {
  const std::string address = nobody();
  const auto began = Clock::now();
  const test::Patience patience(300ms);
  {
    Producer bus(options(address));
    bus.start({});
    for (int batch = 0; batch < 3; ++batch)
      bus.log_batch({.batch = batch});
    EXPECT_FALSE(bus.finish(v1::COMPLETED));
    EXPECT_EQ(bus.counters().in_spool, 5u);
    EXPECT_EQ(bus.counters().lost, 0u);
  }
  EXPECT_FALSE(patience.over()) << std::chrono::duration<double>(Clock::now() - began).count() << " s";
  EXPECT_THAT(lines_.all(), Contains(AllOf(HasSubstr("5 records (3 batch, 2 status) are not stored"),
                                           HasSubstr("safe in"), HasSubstr("next start of r/t"))));
  EXPECT_FALSE(lines_.have("gone"));
  EXPECT_EQ(spooled(), 5u);
}

TEST_F(ProducerReach, WithoutASpoolItSaysWhatIsGone) {
  ProducerOptions no_spool = options(nobody());
  no_spool.spool_dir.clear();
  Producer bus(no_spool);
  bus.log_batch({});
  EXPECT_FALSE(bus.close(0ms));
  EXPECT_EQ(bus.counters().lost, 1u);
  EXPECT_EQ(bus.counters().in_spool, 0u);
  EXPECT_THAT(lines_.all(), Contains(AllOf(HasSubstr("1 record (1 batch) is gone"), HasSubstr("no spool folder"))));
  EXPECT_FALSE(lines_.have("safe"));
}

TEST_F(ProducerReach, ASpoolThatCannotBeUsedIsSaidAndNamedAtTheEnd) {
  std::ofstream(folder_ / "spool") << "a file";
  Producer bus(options(nobody()));
  bus.log_epoch({});
  EXPECT_TRUE(eventually("told", [&] { return lines_.have("the spool has a problem"); }));
  EXPECT_FALSE(bus.close(0ms));
  EXPECT_THAT(lines_.all(), Contains(AllOf(HasSubstr("1 record (1 epoch) is gone"), HasSubstr("cannot be used"))));
}

TEST_F(ProducerReach, OffCostsNothingAndLeavesNothing) {
  for (const std::string off : {"off", ""}) {
    Producer bus(options(off));
    EXPECT_TRUE(bus.start({}));
    EXPECT_TRUE(bus.step());
    EXPECT_TRUE(bus.log_batch({.loss = 1}));
    EXPECT_TRUE(bus.log_text("a", "b"));
    EXPECT_TRUE(bus.finish(v1::COMPLETED));
    EXPECT_EQ(bus.counters().accepted, 0u);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "spool"));
  EXPECT_THAT(lines_.all(), testing::IsEmpty());
}

TEST_F(ProducerReach, TheEnvironmentSwitchesItOff) {
  const char* before = std::getenv("TRAINBUS_BROKER");
  const std::string kept = before == nullptr ? "" : before;
  for (const char* value : {"off", ""}) {
    setenv("TRAINBUS_BROKER", value, 1);
    EXPECT_EQ(ProducerOptions{}.broker, "off") << "'" << value << "'";
  }
  unsetenv("TRAINBUS_BROKER");
  EXPECT_EQ(ProducerOptions{}.broker, kDefaultBroker);
  if (before != nullptr) setenv("TRAINBUS_BROKER", kept.c_str(), 1);
}

TEST_F(ProducerReach, WhatIsSpooledForOneBrokerIsNotGivenToAnother) {
  const std::string first = nobody();
  {
    Producer bus(options(first));
    bus.log_batch({});
  }
  RunningBroker broker;
  Producer bus(options(broker.address()));
  ASSERT_TRUE(eventually("told", [&] { return lines_.have("is for the broker"); }));
  EXPECT_THAT(lines_.all(), Contains(AllOf(HasSubstr(first), HasSubstr(broker.address()), HasSubstr("--any-broker"))));
  EXPECT_EQ(spooled(), 1u);
  const auto refused = spool_send(folder_ / "spool", broker.address(), 5s);
  EXPECT_EQ(refused.delivered, 0u);
  EXPECT_EQ(refused.refused.size(), 1u);
  EXPECT_FALSE(refused.complete);
  const auto sent = spool_send(folder_ / "spool", broker.address(), 60s, true);
  EXPECT_EQ(sent.delivered, 1u);
  EXPECT_TRUE(sent.complete);
}

TEST_F(ProducerReach, ConnectsForTilesOnlyWhileSomebodyWatches) {
  RunningBroker broker;
  test::FaultProxy proxy(broker.endpoints());
  Producer bus(options(proxy.address()));
  ASSERT_TRUE(eventually("connected", [&] { return bus.connected() && proxy.connections(0) == 1; }));
  TileFeed feed(broker.address());
  feed.watch({"r", "other"});
  feed.watch({"r", "t"});
  ASSERT_TRUE(eventually("watched", [&] { return bus.watched(); }));
  EXPECT_EQ(proxy.connections(0), 2);
  feed.unwatch({"r", "t"});
  ASSERT_TRUE(eventually("connected for data only", [&] { return !bus.watched() && proxy.connections(0) == 1; }));
  feed.watch({"r", "t"});
  ASSERT_TRUE(eventually("watched again", [&] { return bus.watched(); }));
  EXPECT_EQ(proxy.connections(2), 1);
}

TEST_F(ProducerReach, ATrainerThatStartsWhileItIsWatchedSendsTilesSoon) {
  RunningBroker broker;
  TileFeed feed(broker.address());
  feed.watch({"r", "t"});
  Producer bus(options(broker.address()));
  ASSERT_TRUE(eventually("connected", [&] { return bus.connected(); }));
  EXPECT_TRUE(eventually(
      "watched", [&] { return bus.watched(); }, 1s));
}

TEST_F(ProducerReach, OverTheControlPortAloneRecordsAndHeartbeatsArriveAndItSaysSo) {
  RunningBroker broker;
  test::FaultProxy proxy(broker.endpoints());
  proxy.cut_port(0, true);
  Producer bus(options(proxy.address()));
  bus.log_batch({});
  ASSERT_TRUE(eventually("stored", [&] { return bus.counters().stored == 1; }));
  ASSERT_TRUE(eventually("told", [&] { return lines_.have("does not answer"); }));
  EXPECT_THAT(lines_.all(), Contains(AllOf(HasSubstr(parse_endpoints(proxy.address()).data_in() + " does not answer"),
                                           HasSubstr(parse_endpoints(proxy.address()).control() + " does"))));
  ControlClient control(broker.address());
  const auto by_control = [&](bool wanted) {
    return eventually(wanted ? "by the control port" : "by the data port", [&] {
      const auto list = control.list("r", 10s);
      return list && list->trainers_size() == 1 && list->trainers(0).last_heartbeat_age_ms() >= 0 &&
             list->trainers(0).last_heartbeat_age_ms() < 2000 && list->trainers(0).by_control_only() == wanted;
    });
  };
  EXPECT_TRUE(by_control(true));
  proxy.cut_port(0, false);
  EXPECT_TRUE(by_control(false));
  bus.log_batch({});
  EXPECT_TRUE(bus.close(60s));
}

}  // namespace
}  // namespace trainbus
