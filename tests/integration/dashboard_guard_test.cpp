// Whom the dashboard lets in, and how much of it.

#include <gmock/gmock.h>

#include "tests/support/running_dashboard.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using test::DashboardTest;
using test::eventually;
using test::get;
using test::post;
using test::WebSocketClient;

TEST_F(DashboardTest, AForeignPageGetsNowhere) {
  const auto port = serve();
  train(1);
  ASSERT_TRUE(knows(1));
  const std::string commands = "/api/trainers/r/t/commands";
  const std::string pause = R"({"type":"PAUSE_TRAINING"})";
  EXPECT_EQ(get(port, "/", {{"Host", "evil.example"}}).status, 403U);
  EXPECT_EQ(get(port, "/api/trainers", {{"Host", "evil.example"}}).status, 403U);
  EXPECT_EQ(
      post(port, commands, pause, {{"Content-Type", "application/json"}, {"Origin", "http://evil.example"}}).status,
      403U);
  EXPECT_EQ(post(port, commands, pause, {{"Content-Type", "text/plain"}}).status, 415U);
  EXPECT_EQ(WebSocketClient(port, {{"Origin", "http://evil.example"}}).status(), 403U);
  EXPECT_EQ(WebSocketClient(port, {{"Host", "evil.example"}}).status(), 403U);
  EXPECT_EQ(WebSocketClient(port, {{"Origin", "http://127.0.0.1:" + std::to_string(port)}}).status(), 101U);
  EXPECT_TRUE(is("ALIVE")) << "not PAUSED";
}

TEST_F(DashboardTest, LimitsSizesAndRates) {
  const auto port = serve({.commands_per_second = 0.1, .command_burst = 2});
  train(1);
  ASSERT_TRUE(knows(1));
  const std::string commands = "/api/trainers/r/t/commands";
  EXPECT_EQ(post(port, commands, std::string(100'000, ' ')).status, 413U);
  EXPECT_EQ(get(port, "/", {{"X-Long", std::string(9000, 'x')}}).status, 431U);
  EXPECT_EQ(post(port, commands, R"({"type":"RESUME_TRAINING"})").status, 202U);
  EXPECT_EQ(post(port, commands, R"({"type":"RESUME_TRAINING"})").status, 202U);
  const auto refused = post(port, commands, R"({"type":"RESUME_TRAINING"})");
  EXPECT_EQ(refused.status, 429U);
  EXPECT_EQ(refused.fields["Retry-After"], "10");
}

TEST_F(DashboardTest, TooManyConnectionsAreToldSo) {
  const auto port = serve({.max_connections = 8});  // 6 WebSockets, 4 of a client
  std::vector<std::unique_ptr<WebSocketClient>> browsers;
  for (int i = 0; i < 4; ++i) {
    browsers.push_back(std::make_unique<WebSocketClient>(port));
    EXPECT_EQ(browsers.back()->status(), 101U);
    browsers.back()->say(R"({"type":"watch","run":"r","trainer":"t"})");
    EXPECT_EQ(browsers.back()->next_of("history").type(), "history");
  }
  EXPECT_EQ(WebSocketClient(port).status(), 503U);
  EXPECT_EQ(metric("dashboard_refused_total{what=\"web_socket\"}"), 1);
  EXPECT_EQ(metric("dashboard_limit_met_total{limit=\"dashboard_browsers\"}"), 1);
  Consumer alerts({.broker = broker_.address(), .kinds = {v1::KIND_ALERT}, .run = std::string(kBusRun)});
  EXPECT_TRUE(eventually("the bus is told", [&] {
    const auto* record = alerts.next(std::chrono::milliseconds(10));
    return record != nullptr && record->topic.session.trainer == "dashboard" &&
           record->message.alert().rule() == "limit" && record->message.alert().active() &&
           record->message.alert().message().find("dashboard_browsers") != std::string::npos;
  }));
  EXPECT_EQ(get(port, "/healthz").status, 200U);
  browsers.pop_back();
  EXPECT_TRUE(eventually("there is room again", [&] { return WebSocketClient(port).status() == 101; }));
}

// Those that never said what they watch, and requests that never come, hold up nobody.
TEST_F(DashboardTest, IdleConnectionsMakeWay) {
  const auto port = serve({.max_connections = 16});
  std::vector<std::unique_ptr<WebSocketClient>> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(std::make_unique<WebSocketClient>(port));
    EXPECT_EQ(silent.back()->status(), 101U) << i;
  }
  std::vector<std::unique_ptr<test::HttpClient>> waiting;
  for (int i = 0; i < 40; ++i) {
    waiting.push_back(std::make_unique<test::HttpClient>(port));
    EXPECT_EQ(get(port, i % 2 == 0 ? "/healthz" : "/api/trainers").status, 200U) << i;
  }
  WebSocketClient browser(port);
  ASSERT_EQ(browser.status(), 101U);
  browser.say(R"({"type":"list"})");
  EXPECT_EQ(browser.next_of("list").type(), "list");
  EXPECT_NE(silent.front()->next_of("bye").json().value("reason", ""), "");
}

}  // namespace
}  // namespace trainbus
