// The WebSocket of the dashboard: histories, lists, tiles, and who is cut.

#include <gmock/gmock.h>

#include "tests/support/running_dashboard.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::DashboardTest;
using test::eventually;
using test::get;
using test::kWatch;
using test::post;
using test::Trainer;
using test::WebMessage;
using test::WebSocketClient;
using ::testing::HasSubstr;

TEST_F(DashboardTest, WatchGivesTheHistoryAndThenEveryRecord) {
  const auto port = serve();
  Trainer& trainer = train(300);
  ASSERT_TRUE(knows(300));
  trainer.run();
  WebSocketClient browser(port);
  EXPECT_EQ(browser.next().type(), "hello");
  browser.say(kWatch);
  const json history = browser.next_of("history").json();
  const auto& steps = history["series"]["batch_loss"]["x"];
  EXPECT_EQ(history["trainer_info"]["trainer"], "t");
  EXPECT_EQ(history["events"][0]["status"], "RUNNING");
  auto step = steps.back().get<std::uint64_t>();
  ASSERT_EQ(steps.size(), step);
  for (int batches = 0; batches < 200;) {
    const WebMessage message = browser.next();
    ASSERT_FALSE(message.bytes.empty());
    v1::MetricsRequest record;
    if (!message.binary || !record.ParseFromString(message.bytes) || !record.has_batch_data()) continue;
    ASSERT_EQ(record.batch_data().step(), ++step);
    ++batches;
  }
}

TEST_F(DashboardTest, TheListComesWholeToWhoAsksForItAndThenWhatChanged) {
  const auto port = serve();
  train(100).run();
  ASSERT_TRUE(knows(100));
  WebSocketClient browser(port);
  browser.say(R"({"type":"list"})");
  const auto whole = browser.next_of("list").json();
  EXPECT_EQ(whole["whole"], true);
  ASSERT_EQ(whole["rows"].size(), 1U);
  EXPECT_EQ(whole["rows"][0]["sparkline"].size(), 60U);
  EXPECT_EQ(whole["rows"][0]["trainer"], "t");
  auto step = whole["rows"][0]["step"].get<int>();
  for (int lists = 0; lists < 2;) {
    const WebMessage message = browser.next();
    ASSERT_FALSE(message.bytes.empty());
    EXPECT_FALSE(message.binary);
    if (message.type() != "list") continue;
    const auto changed = message.json();
    EXPECT_EQ(changed["whole"], false);
    ASSERT_EQ(changed["rows"].size(), 1U);
    EXPECT_EQ(changed["rows"][0]["id"], whole["rows"][0]["id"]);
    EXPECT_FALSE(changed["rows"][0].contains("trainer"));
    if (!changed["rows"][0].contains("step")) continue;
    EXPECT_GT(changed["rows"][0]["step"], step);
    step = changed["rows"][0]["step"];
    ++lists;
  }
}

TEST_F(DashboardTest, WhoDidNotAskForTheListGetsNothingOfIt) {
  const auto port = serve();
  train(10).run();
  ASSERT_TRUE(knows(10));
  WebSocketClient browser(port);
  browser.say(R"({"type":"tiles"})");
  ASSERT_EQ(post(port, "/api/trainers/r/t/commands", R"({"type":"CHANGE_LEARNING_RATE","value":"0.01"})").status, 202U);
  EXPECT_EQ(browser.next().type(), "hello");
  for (int states = 0; states < 4; ++states) {
    const WebMessage message = browser.next();
    ASSERT_EQ(message.type(), "bus") << message.bytes;
    EXPECT_EQ(message.json()["broker_connected"], true);
  }
}

TEST_F(DashboardTest, ANewIncarnationTellsItsWatchersToAskAgain) {
  const auto port = serve();
  train(50);
  ASSERT_TRUE(knows(50));
  WebSocketClient browser(port);
  browser.say(kWatch);
  ASSERT_EQ(browser.next_of("history").type(), "history");
  trainer_.reset();
  train(5);
  ASSERT_EQ(browser.next_of("reset").type(), "reset");
  browser.say(kWatch);
  EXPECT_LE(browser.next_of("history").json()["series"]["batch_loss"]["x"].size(), 5U);
}

TEST_F(DashboardTest, AProgramOfTheBusIsNoTrainerButItsTroubleIsShown) {
  const auto port = serve();
  train(10);
  ASSERT_TRUE(knows(10));
  ControlClient control(broker_.address());
  v1::Alert alert;
  alert.set_alert_id("one");
  alert.set_rule("sink_failing");
  alert.set_message("no space left");
  alert.set_active(true);
  alert.set_trainer_incarnation(7);
  ASSERT_TRUE(control.raise("trainbus/log-jsonl", alert, seconds(30)));
  WebSocketClient browser(port);
  const auto troubles = [&] { return browser.next_of("bus").json()["troubles"]; };
  json shown;
  ASSERT_TRUE(eventually("the trouble is shown", [&] { return !(shown = troubles()).empty(); }));
  EXPECT_EQ(shown[0]["program"], "log-jsonl");
  EXPECT_EQ(shown[0]["message"], "no space left");
  EXPECT_EQ(get(port, "/api/trainers").json()["trainers"].size(), 1U) << "r/t only";

  alert.set_alert_id("two");
  alert.set_active(false);
  ASSERT_TRUE(control.raise("trainbus/log-jsonl", alert, seconds(30)));
  EXPECT_TRUE(eventually("the trouble is over", [&] { return troubles().empty(); }));
}

// The next binary message, or the empty one that ends the connection.
WebMessage next_tiles(WebSocketClient& browser) {
  for (;;) {
    WebMessage message = browser.next();
    if (message.binary || message.bytes.empty()) return message;
  }
}

// Tiles up to the second word on the bus, which comes half a second after the first.
int tiles_in_half_a_second(WebSocketClient& browser) {
  int tiles = 0;
  for (int words = 0; words < 2;) {
    const WebMessage message = browser.next();
    if (message.bytes.empty()) return -1;
    if (message.binary) ++tiles;
    if (message.type() == "bus") ++words;
  }
  return tiles;
}

TEST_F(DashboardTest, TilesComeOnCreditAndStopWithoutIt) {
  const auto port = serve();
  train(1).run();
  ASSERT_TRUE(knows(1));
  WebSocketClient browser(port);
  browser.say(R"({"type":"tiles","run":"r","trainer":"t","credit":2,"max_rate_hz":60})");
  next_tiles(browser);
  v1::MetricsRequest record;
  ASSERT_TRUE(record.ParseFromString(next_tiles(browser).bytes));
  ASSERT_EQ(record.batch_data().images_size(), 1);
  EXPECT_EQ(record.batch_data().images(0).strip_tiles(), 16);
  EXPECT_EQ(record.batch_data().predictions_size(), 16);
  EXPECT_EQ(tiles_in_half_a_second(browser), 0);
  browser.say(R"({"type":"credit","n":3})");
  for (int tiles = 0; tiles < 3; ++tiles)
    next_tiles(browser);
  EXPECT_EQ(tiles_in_half_a_second(browser), 0);
  browser.say(R"({"type":"tiles"})");
  EXPECT_TRUE(eventually("nobody watches the tiles",
                         [&] { return get(port, "/api/trainers").json()["trainers"][0]["watched_tiles"] == false; }));
  EXPECT_GT(metric("dashboard_tiles_dropped_total"), 0);
}

TEST_F(DashboardTest, ASlowReaderIsCutWithAReasonWhileAnotherGoesOn) {
  const auto port = serve({.queue_bytes = 1 << 20});
  Trainer& trainer = train(10'000);
  ASSERT_TRUE(knows(10'000));
  trainer.run();
  WebSocketClient fast(port), slow(port);
  fast.say(kWatch);
  ASSERT_EQ(fast.next_of("history").type(), "history");
  for (int asked = 0; asked < 50; ++asked)  // half a megabyte each, and nothing is read
    slow.say(R"({"type":"watch","run":"r","trainer":"t","max_points":10000})");
  EXPECT_TRUE(eventually("the slow reader is cut",
                         [&] { return metric("dashboard_browsers_cut_total{reason=\"slow_reader\"}") == 1; }));
  EXPECT_THAT(slow.next_of("bye").json().value("reason", ""), HasSubstr("slowly"));
  EXPECT_TRUE(slow.next().bytes.empty());
  fast.say(kWatch);
  EXPECT_EQ(fast.next_of("history").type(), "history");
}

TEST_F(DashboardTest, NonsenseEndsTheConnectionWithAReasonAndNothingElse) {
  const auto port = serve();
  for (const auto* nonsense : {"{", R"({"type":"watch","run":"..","trainer":7})", "[[[[[["}) {
    WebSocketClient browser(port);
    browser.say(nonsense);
    EXPECT_NE(browser.next_of("bye").json().value("reason", ""), "") << nonsense;
    EXPECT_TRUE(browser.next().bytes.empty());
  }
  WebSocketClient browser(port);
  browser.say(std::string(5000, ' '));
  EXPECT_TRUE(browser.next_of("bye").bytes.empty());
  EXPECT_TRUE(eventually("all four are counted",
                         [&] { return metric("dashboard_browsers_cut_total{reason=\"bad_message\"}") == 4; }));
  EXPECT_EQ(get(port, "/healthz").status, 200U);
}

}  // namespace
}  // namespace trainbus
