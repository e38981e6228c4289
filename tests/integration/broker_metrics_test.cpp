// What the broker's own port tells Prometheus and probes, whatever its loop does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>

#include "broker/metrics_port.hpp"
#include "support/eventually.hpp"
#include "support/running_broker.hpp"
#include "support/web_client.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::get;
using testing::HasSubstr;

// A loop that turns until told otherwise.
class Loop {
 public:
  Loop(MetricsPort& port, std::function<v1::BrokerStats()> stats)
      : thread_([this, &port, stats = std::move(stats)] {
          while (!ended_) {
            port.turn(stats);
            std::this_thread::sleep_for(1ms);
          }
        }) {}
  ~Loop() {
    ended_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

v1::BrokerStats with_gauge(const std::string& name, double value) {
  v1::BrokerStats stats;
  (*stats.mutable_gauges())[name] = value;
  return stats;
}

TEST(BrokerMetrics, AreServedWithEveryLabel) {
  MetricsPort port("127.0.0.1:0", {});
  const Loop loop(port, [] {
    v1::BrokerStats stats;
    (*stats.mutable_counters())["forbidden_total{key=\"alice\",act=\"command\"}"] = 2;
    (*stats.mutable_counters())["forbidden_total{key=\"alice\",act=\"watch\"}"] = 3;
    (*stats.mutable_gauges())["sessions"] = 7;
    return stats;
  });
  EXPECT_TRUE(test::eventually("the loop turns", [&] { return get(port.port(), "/readyz").status == 200U; }));
  const auto text = get(port.port(), "/metrics").body;
  EXPECT_THAT(text, HasSubstr("\ntrainbus_broker_forbidden_total{key=\"alice\",act=\"command\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\ntrainbus_broker_forbidden_total{key=\"alice\",act=\"watch\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\ntrainbus_broker_sessions 7\n"));
}

TEST(BrokerMetrics, AStartIsHealthyButNotReady) {
  spdlog::set_level(spdlog::level::off);
  MetricsPort port("127.0.0.1:0", {});
  EXPECT_EQ(get(port.port(), "/healthz").body, "starting\n");
  EXPECT_EQ(get(port.port(), "/healthz").status, 200U);
  EXPECT_EQ(get(port.port(), "/readyz").status, 503U);
  EXPECT_EQ(get(port.port(), "/metrics").status, 500U);
}

TEST(BrokerMetrics, ALoopThatStandsStillIsNeither) {
  spdlog::set_level(spdlog::level::off);
  MetricsPort port("127.0.0.1:0", {}, 50ms);
  {
    const Loop loop(port, [] { return v1::BrokerStats{}; });
    EXPECT_TRUE(test::eventually("the loop turns", [&] { return get(port.port(), "/readyz").status == 200U; }));
  }
  for (const char* probe : {"/healthz", "/readyz"}) {
    const auto answer = get(port.port(), probe);
    EXPECT_EQ(answer.status, 503U) << probe;
    EXPECT_THAT(answer.body, HasSubstr("has not turned")) << probe;
  }
}

TEST(BrokerMetrics, WhoWaitsForALoopThatHasEndedHoldsUpNoEnd) {
  spdlog::set_level(spdlog::level::off);
  auto port = std::make_unique<MetricsPort>("127.0.0.1:0", std::vector<std::string>{}, 1h);
  port->turn([] { return v1::BrokerStats{}; });
  std::thread asker([at = port->port()] {
    try {
      get(at, "/readyz");
    } catch (const std::exception&) {  // it was cut off
    }
  });
  EXPECT_TRUE(test::eventually("it is asked", [&] { return port->is_asked(); }));
  port.reset();
  asker.join();
}

TEST(BrokerMetrics, WhoStoresNothingIsHealthyButNotReady) {
  for (const char* gauge : {"journal_failing", "state_folder_missing"}) {
    MetricsPort port("127.0.0.1:0", {});
    const Loop loop(port, [=] { return with_gauge(gauge, 1); });
    EXPECT_TRUE(test::eventually("the loop turns", [&] { return get(port.port(), "/healthz").body == "ok\n"; }));
    const auto answer = get(port.port(), "/readyz");
    EXPECT_EQ(answer.status, 503U) << gauge;
    EXPECT_THAT(answer.body, HasSubstr("nothing is stored")) << gauge;
  }
  EXPECT_EQ(not_ready(with_gauge("journal_failing", 0)), "");
}

TEST(BrokerMetrics, ABrokerSaysItsNameItsVersionAndItsDisk) {
  const test::RunningBroker broker;
  const auto stats = ControlClient(broker.address()).stats(10s);
  ASSERT_TRUE(stats);
  const auto& gauges = stats->gauges();
  EXPECT_GT(gauges.at("disk_bytes"), 0);
  EXPECT_GE(gauges.at("disk_bytes"), gauges.at("disk_free_bytes"));
  EXPECT_GT(gauges.at("journal_bytes"), 0);
  EXPECT_EQ(
      std::count_if(gauges.begin(), gauges.end(), [](const auto& one) { return one.first.starts_with("info{id=\""); }),
      1);
}

TEST(BrokerMetrics, WrongPlacesToListenAreOneLine) {
  for (const char* wrong : {"", "9463", "127.0.0.1", "127.0.0.1:http", "::1:9463", "127.0.0.1:70000"})
    EXPECT_THROW(MetricsPort(wrong, {}), std::invalid_argument) << wrong;
  const MetricsPort first("127.0.0.1:0", {});
  EXPECT_THROW(MetricsPort("127.0.0.1:" + std::to_string(first.port()), {}), std::runtime_error);
}

}  // namespace
}  // namespace trainbus
