// A tunnel that leads to some of the broker's ports only: who needs the others says which, why, and does what can be
// done without.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/web_client.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using test::eventually;
using test::FaultProxy;
using test::Process;
using test::RunningBroker;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class OnePort : public ::testing::Test {
 protected:
  std::string port(int i) const {
    const auto base = tunnel_.address();
    const auto colon = base.rfind(':') + 1;
    return base.substr(0, colon) + std::to_string(std::stoi(base.substr(colon)) + i);
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i)
      trainer_.log_batch({.epoch = 1, .batch = batch_++, .loss = 0.5});
  }
  // Takes what comes until `count` batches did, in order.
  testing::AssertionResult takes(Consumer& consumer, std::uint64_t count) {
    return eventually(std::to_string(count) + " batches", [&] {
      while (const auto* record = consumer.next(1ms)) {
        if (record->topic.kind == v1::KIND_HEARTBEAT) {
          ++heartbeats_;
          continue;
        }
        EXPECT_EQ(record->message.sequence(), ++taken_);
      }
      return taken_ == count;
    });
  }

  RunningBroker broker_;
  FaultProxy tunnel_{broker_.endpoints()};
  Producer trainer_{{.run = "r", .trainer = "t", .broker = broker_.address(), .spool_dir = ""}};
  int batch_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t heartbeats_ = 0;
};

TEST_F(OnePort, AConsumerFollowsByPagesSaysWhyAndGoesBackToLive) {
  tunnel_.cut_port(0, true);
  tunnel_.cut_port(1, true);
  publish(100);
  Consumer consumer({.broker = tunnel_.address(), .kinds = {v1::KIND_BATCH}, .heartbeats = true});
  ASSERT_TRUE(takes(consumer, 100));
  EXPECT_TRUE(consumer.by_pages());
  EXPECT_TRUE(eventually("it says why", [&] {
    consumer.next(10ms);
    return !consumer.port_trouble().empty();
  }));
  EXPECT_THAT(consumer.port_trouble(), AllOf(HasSubstr("the data port " + port(1) + ": closes the connection at once"),
                                             HasSubstr("by pages over the control port " + port(2))));
  EXPECT_TRUE(consumer.connected());
  publish(50);
  ASSERT_TRUE(takes(consumer, 150));
  ASSERT_TRUE(eventually("heartbeats come", [&] { return takes(consumer, 150) && heartbeats_ > 0; }));
  tunnel_.cut_port(1, false);
  ASSERT_TRUE(eventually("it is live", [&] {
    consumer.next(10ms);
    return !consumer.by_pages();
  }));
  publish(50);
  ASSERT_TRUE(takes(consumer, 200));
  EXPECT_EQ(consumer.port_trouble(), "");
}

TEST_F(OnePort, AConsumerOfWhatIsNewFollowsByPagesToo) {
  tunnel_.cut_port(1, true);
  publish(10);
  ASSERT_TRUE(eventually("stored", [&] { return trainer_.counters().stored == 10; }));
  Consumer consumer({.broker = tunnel_.address(), .kinds = {v1::KIND_BATCH}, .history = false});
  ASSERT_TRUE(eventually("it follows", [&] {
    EXPECT_EQ(consumer.next(1ms), nullptr);
    return consumer.caught_up();
  }));
  publish(5);
  taken_ = 10;
  ASSERT_TRUE(takes(consumer, 15));
  EXPECT_EQ(consumer.counters().lost, 0U);
}

// The feed ends while it is used, and the broker restarts while pages are read: each record once, in order.
TEST_F(OnePort, NothingIsLostOrRepeatedWhenTheFeedComesAndGoes) {
  Consumer consumer({.broker = tunnel_.address(), .kinds = {v1::KIND_BATCH}});
  std::uint64_t published = 0;
  for (const bool shut : {false, true, true, false, true}) {
    tunnel_.cut_port(1, shut);
    publish(200);
    if (published == 400) {
      broker_.stop();
      broker_.start();
    }
    ASSERT_TRUE(takes(consumer, published += 200));
  }
  EXPECT_EQ(consumer.counters().lost, 0U);
}

TEST_F(OnePort, ACommandsEndIsKnownWithoutTheDataPort) {
  for (const std::size_t closed : {1U, 0U}) {
    tunnel_.cut_port(closed, true);
    trainer_.on_learning_rate([](double rate) { return Applied{0.1, rate}; });
    ASSERT_TRUE(eventually("connected", [&] { return trainer_.connected(); }));
    const test::Patience patience(5s);
    Process ctl("trainbus-ctl", {"--broker", tunnel_.address(), "set-lr", "r/t", "0.01"});
    ASSERT_TRUE(eventually("it ends", [&] {
      trainer_.step();
      return ctl.wait(0ms).has_value();
    }));
    EXPECT_EQ(ctl.wait(1ms), 0) << ctl.output();
    EXPECT_THAT(ctl.output(), HasSubstr("APPLIED at step"));
    EXPECT_FALSE(patience.over());
  }
}

TEST_F(OnePort, TailEndsWithEverythingAndNamesThePort) {
  publish(30);
  ASSERT_TRUE(eventually("stored", [&] { return trainer_.counters().stored == 30; }));
  tunnel_.cut_port(1, true);
  Process tail("trainbus-ctl", {"--broker", tunnel_.address(), "--json", "tail", "--once", "--kind", "batch"});
  EXPECT_EQ(tail.wait(10s), 0);
  const auto lines = std::ranges::count(tail.output(), '{');
  EXPECT_GE(lines, 30);
  Process follow("trainbus-ctl", {"--broker", tunnel_.address(), "tail", "--history"});
  EXPECT_TRUE(follow.wait_for("the data port " + port(1) + ": closes the connection at once")) << follow.output();
}

TEST_F(OnePort, EveryToolNamesTheControlPortThatDoesNotAnswer) {
  tunnel_.cut_port(2, true);
  const std::vector<std::pair<std::string, std::vector<std::string>>> tools = {
      {"trainbus-ctl", {"list"}},           {"trainbus-ctl", {"stats"}},  {"trainbus-ctl", {"set-lr", "r/t", "0.1"}},
      {"trainbus-ctl", {"tail", "--once"}}, {"trainbus-ctl", {"ledger"}}, {"trainbus-watch", {"--once"}}};
  for (const auto& [program, verb] : tools) {
    auto arguments = verb;
    arguments.insert(arguments.end(), {"--broker", tunnel_.address()});
    Process tool(program, arguments);
    EXPECT_EQ(tool.wait(6s), 1) << program << ' ' << verb.front() << tool.output();
    EXPECT_THAT(tool.output(), HasSubstr("the control port " + port(2) + ": closes the connection at once"))
        << program << ' ' << verb.front();
  }
}

TEST_F(OnePort, TheDashboardsHealthNamesThePort) {
  tunnel_.cut_port(1, true);
  Process dashboard("trainbus-dashboard", {"--listen", "127.0.0.1:0", "--no-login", "--broker", tunnel_.address()});
  const auto url = dashboard.wait_for("open http://127.0.0.1:");
  ASSERT_TRUE(url) << dashboard.output();
  const auto web = static_cast<std::uint16_t>(std::stoi(*url));
  const auto health = [&] { return test::get(web, "/healthz").json(); };
  const auto problem = [&] { return health().value("problem", ""); };
  ASSERT_TRUE(eventually("it names the data port", [&] { return problem().find(port(1)) != std::string::npos; }));
  EXPECT_EQ(health()["ok"], false);
  EXPECT_EQ(health()["broker_connected"], true);
  publish(10);
  EXPECT_TRUE(
      eventually("records come", [&] { return test::get(web, "/api/trainers").json()["trainers"].size() == 1; }));
  tunnel_.cut_port(2, true);
  ASSERT_TRUE(
      eventually("it names the control port", [&] { return problem().find(port(2) + ": ") != std::string::npos; }));
  EXPECT_EQ(health()["broker_connected"], false);
  tunnel_.cut_port(1, false);
  tunnel_.cut_port(2, false);
  EXPECT_TRUE(eventually("all is well", [&] { return health()["ok"] == true; }));
  EXPECT_EQ(problem(), "");
}

TEST(PortProblem, SaysWhatIsWrong) {
  EXPECT_EQ(port_problem("tcp://127.0.0.1:9", 1s).text, "connection refused");
  EXPECT_EQ(port_problem("tcp://no-such-host.invalid:7760", 1s).text, "no host is known by that name");
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(silent, reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(silent, 4), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string there = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_EQ(port_problem(there, 200ms).text, "takes connections, but says nothing");
  close(silent);
  RunningBroker broker;
  for (const auto& port : {broker.endpoints().data_in(), broker.endpoints().data_out(), broker.endpoints().control()})
    EXPECT_EQ(port_problem(port, 5s).text, "") << port;
}

}  // namespace
}  // namespace trainbus
