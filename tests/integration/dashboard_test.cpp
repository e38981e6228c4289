// The dashboard server with a real broker and a real producer, asked as a browser asks.

#include "consumers/dashboard/server/dashboard.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/web_client.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/ledger.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::get;
using test::post;
using test::WebMessage;
using test::WebSocketClient;
using ::testing::HasSubstr;

constexpr const char* kWatch = R"({"type":"watch","run":"r","trainer":"t"})";
constexpr const char* kTrainer = "/api/trainers/r/t";

class RunningDashboard {
 public:
  explicit RunningDashboard(DashboardOptions options) : dashboard_(options), thread_([this] { dashboard_.run(); }) {}
  ~RunningDashboard() {
    dashboard_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return dashboard_.port(); }

 private:
  Dashboard dashboard_;
  std::thread thread_;
};

// One trainer "r/t" that trains on nothing, in a thread of its own.
class Trainer {
 public:
  explicit Trainer(const std::string& broker)
      : producer_({.run = "r", .trainer = "t", .broker = broker, .heartbeat_interval = milliseconds(500)}) {
    producer_.on_learning_rate([](double value) { return Applied{0.1, value}; });
    producer_.start({.total_epochs = 10, .batches_per_epoch = 100, .batch_size = 64, .learning_rate = 0.1});
  }
  ~Trainer() { stop(); }

  void log(int batches) {
    for (int count = 0; count < batches; ++count)
      producer_.log_batch({.epoch = 1, .batch = batch_++, .batch_size = 64, .loss = 1.0 / batch_, .accuracy = 0.5},
                          [](TileBatch& tiles) { add_tiles(tiles); });
  }
  // Goes on at about 200 batches a second.
  void run() {
    thread_ = std::thread([this] {
      while (!stop_ && producer_.step()) {
        log(1);
        std::this_thread::sleep_for(milliseconds(5));
      }
    });
  }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  static void add_tiles(TileBatch& tiles) {
    const std::vector<std::uint8_t> pixels(32 * 32 * 3, 100);
    while (tiles.room() > 0)
      if (!tiles.add(pixels.data(), 32, 32, 3, 0, 1, {.predicted_class = 1, .label = "one", .confidence = 0.9F}))
        return;
  }

  Producer producer_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
  std::int32_t batch_ = 0;
};

class DashboardTest : public ::testing::Test {
 protected:
  std::uint16_t serve(DashboardOptions options = {}) {
    options.broker = broker_.address();
    options.port = 0;
    dashboard_ = std::make_unique<RunningDashboard>(options);
    return dashboard_->port();
  }
  Trainer& train(int batches = 0) {
    trainer_ = std::make_unique<Trainer>(broker_.address());
    trainer_->log(batches);
    return *trainer_;
  }
  // Waits until the dashboard has this many batches of the trainer.
  ::testing::AssertionResult knows(std::size_t batches) {
    return eventually(std::to_string(batches) + " batches in the curve", [&] {
      const auto answer = get(dashboard_->port(), std::string(kTrainer) + "/series?name=batch_loss&max_points=4");
      return answer.status == 200 && answer.json()["total"] >= batches;
    });
  }
  // Who was not heard for three heartbeats counts as dead for a moment, on a busy machine.
  ::testing::AssertionResult is(const std::string& state) {
    return eventually("the trainer is " + state, [&] {
      return get(dashboard_->port(), "/api/trainers").json()["trainers"].at(0)["state"] == state;
    });
  }
  double metric(const std::string& name) {
    const std::string text = get(dashboard_->port(), "/metrics").body;
    const auto at = text.find("\ntrainbus_" + name + ' ');
    return at == std::string::npos ? NAN : std::stod(text.substr(text.find(' ', at + 1)));
  }

  test::RunningBroker broker_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<RunningDashboard> dashboard_;
};

TEST_F(DashboardTest, ListsTrainersAndServesTheirCurves) {
  const auto port = serve();
  train(500);
  ASSERT_TRUE(knows(500));
  const auto trainers = get(port, "/api/trainers").json()["trainers"];
  ASSERT_EQ(trainers.size(), 1U);
  EXPECT_TRUE(is("ALIVE"));
  EXPECT_EQ(trainers[0]["run"], "r");
  EXPECT_EQ(trainers[0]["trainer"], "t");
  EXPECT_EQ(trainers[0]["step"], 500);
  EXPECT_EQ(trainers[0]["batch_size"], 64);
  EXPECT_TRUE(trainers[0]["validation_loss"].is_null());
  const auto series = get(port, "/api/trainers/r/t/series?name=batch_loss&max_points=100&x_min=11").json();
  EXPECT_EQ(series["total"], 490);
  EXPECT_LE(series["points"].size(), 100U);
  EXPECT_EQ(series["points"].front(), json::array({11, 1.0 / 11}));
  EXPECT_EQ(series["points"].back()[0], 500);
  EXPECT_EQ(get(port, "/healthz").json(), json::parse(R"({"ok":true,"broker_connected":true})"));
  EXPECT_THAT(get(port, "/metrics").body, HasSubstr("trainbus_train_step{run=\"r\",trainer=\"t\"} 500"));
}

TEST_F(DashboardTest, MetricsHaveTheLedgerOfEachTrainer) {
  train(20);
  ControlClient client(broker_.address());
  ASSERT_TRUE(eventually("stored, and a heartbeat since", [&] {
    const auto list = client.list("r", seconds(1));
    if (!list || list->trainers_size() != 1) return false;
    const auto ledger = ledger_of(list->trainers(0));
    return !ledger.records.empty() && ledger.records[0].stored == 20 && ledger.tiles.produced == 20;
  }));
  serve();
  EXPECT_TRUE(eventually("the ledger", [&] {
    return metric("trainer_records_stored_total{run=\"r\",trainer=\"t\",kind=\"batch\"}") == 20;
  }));
  EXPECT_EQ(metric("trainer_records_in_outbox{run=\"r\",trainer=\"t\",kind=\"batch\"}"), 0);
  EXPECT_EQ(metric("trainer_tiles_skipped_no_demand_total{run=\"r\",trainer=\"t\"}"), 20);
}

TEST_F(DashboardTest, SaysWhatIsNotThere) {
  const auto port = serve();
  train(1);
  ASSERT_TRUE(knows(1));
  for (const auto* target : {"/api/trainers/r/other/series?name=batch_loss", "/api/trainers/r/t/series?name=nothing",
                             "/api/trainers/r/t/series?name=batch_loss&incarnation=5", "/api/trainers/r/t/media?name=a",
                             "/api/trainers/r/t/media/1-1", "/api/trainers/r/other/media", "/api/nothing",
                             "/nothing.js", "/api/commands/00000000000000000000000000000000"}) {
    const auto answer = get(port, target);
    EXPECT_EQ(answer.status, 404U) << target;
    EXPECT_FALSE(answer.json()["error"].get<std::string>().empty()) << target;
  }
  for (const auto* target :
       {"/api/trainers/r/t/series?name=batch_loss&max_points=1", "/api/trainers/r/t/series?name=batch_loss&x_min=x",
        "/api/trainers/r/t/series?name=batch_loss&incarnation=x", "/api/trainers/r/t/media?name=a&step=x", "/../secret",
        "/api/commands/7", "/ws"})
    EXPECT_EQ(get(port, target).status, 400U) << target;
  EXPECT_EQ(post(port, "/api/trainers", "{}").status, 405U);
  EXPECT_EQ(get(port, std::string(kTrainer) + "/commands").status, 405U);
  EXPECT_EQ(test::HttpClient(port).ask(test::http::verb::delete_, "/").status, 405U);
}

TEST_F(DashboardTest, ServesThePageFromInsideTheProgram) {
  const auto port = serve();
  const auto page = get(port, "/");
  ASSERT_EQ(page.status, 200U);
  EXPECT_THAT(page.body, HasSubstr("<html"));
  EXPECT_THAT(std::string(page.fields["Content-Security-Policy"]), HasSubstr("default-src 'self'"));
  EXPECT_EQ(page.fields["X-Content-Type-Options"], "nosniff");
  const std::string etag(page.fields["ETag"]);
  EXPECT_EQ(get(port, "/", {{"If-None-Match", etag}}).status, 304U);
  EXPECT_EQ(get(port, "/app.js", {{"Accept-Encoding", "gzip"}}).fields["Content-Encoding"], "gzip");
  test::HttpClient client(port);
  const auto head = client.ask(test::http::verb::head, "/");
  EXPECT_EQ(head.fields["Content-Length"], std::to_string(page.body.size()));
  EXPECT_EQ(client.ask(test::http::verb::get, "/healthz").status, 200U) << "on the same connection";
}

TEST_F(DashboardTest, ACommandIsAcceptedAndItsEndIsKnown) {
  const auto port = serve();
  train(1).run();
  ASSERT_TRUE(knows(1));
  const auto answer = post(port, "/api/trainers/r/t/commands", R"({"type":"CHANGE_LEARNING_RATE","value":"0.001"})");
  ASSERT_EQ(answer.status, 202U) << answer.body;
  const std::string id = answer.json()["command_id"];
  json command;
  EXPECT_TRUE(eventually("the command is applied", [&] {
    const auto found = get(port, "/api/commands/" + id);
    if (found.status == 200) command = found.json();
    return command.value("state", "") == "APPLIED";
  })) << command;
  ASSERT_EQ(command["commands"].size(), 1U);
  EXPECT_EQ(command["commands"][0]["new_value"], "0.001");
  EXPECT_EQ(command["commands"][0]["old_value"], "0.1");
  EXPECT_EQ(command["commands"][0]["issuer"], "dashboard");
  EXPECT_GT(command["commands"][0]["applied_step"], 0);
  EXPECT_EQ(post(port, "/api/trainers/r/*/commands", R"({"type":"PAUSE_TRAINING"})").status, 202U);
  EXPECT_TRUE(is("PAUSED"));
  EXPECT_EQ(post(port, "/api/trainers/r/*/commands", R"({"type":"RESUME_TRAINING"})").status, 202U);
}

TEST_F(DashboardTest, RefusesCommandsOutsideTheirRange) {
  const auto port = serve({.command_burst = 1000});
  train(1);
  ASSERT_TRUE(knows(1));
  for (const auto* body :
       {"", "{", "[]", "{}", R"({"type":"UNKNOWN_COMMAND"})", R"({"type":"CHANGE_LEARNING_RATE"})",
        R"({"type":"CHANGE_LEARNING_RATE","value":"-1"})", R"({"type":"CHANGE_LEARNING_RATE","value":"nan"})",
        R"({"type":"ADJUST_BATCH_SIZE","value":0})", R"({"type":"ADJUST_BATCH_SIZE","value":{}})"})
    EXPECT_EQ(post(port, "/api/trainers/r/t/commands", body).status, 400U) << body;
  EXPECT_EQ(post(port, "/api/trainers/r/other/commands", R"({"type":"PAUSE_TRAINING"})").status, 404U);
  EXPECT_EQ(post(port, "/api/trainers/other/*/commands", R"({"type":"PAUSE_TRAINING"})").status, 404U);
}

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

TEST_F(DashboardTest, TheOverviewComesByItselfAndNothingElse) {
  const auto port = serve();
  train(100).run();
  ASSERT_TRUE(knows(100));
  WebSocketClient browser(port);
  for (int overviews = 0; overviews < 2;) {
    const WebMessage message = browser.next();
    EXPECT_FALSE(message.binary);
    if (message.type() != "trainers") continue;
    ++overviews;
    EXPECT_EQ(message.json()["trainers"][0]["sparkline"].size(), 60U);
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

// Epochs of a training that says where each batch is.
void train_epochs(const std::string& broker, int first, int last, int batches, int batch_size) {
  Producer producer({.run = "r", .trainer = "t", .broker = broker});
  producer.start({.total_epochs = 10, .batches_per_epoch = batches, .batch_size = batch_size});
  for (int epoch = first; epoch <= last; ++epoch) {
    for (int batch = 0; batch < batches; ++batch)
      producer.log_batch({.epoch = epoch, .batch = batch, .batch_size = batch_size, .loss = 1.0 * batch_size});
    producer.log_epoch({.epoch = epoch, .average_loss = 1.0 * batch_size});
  }
  producer.finish(v1::STOPPED, "enough");
}

TEST_F(DashboardTest, AResumedTrainingWithAnotherBatchSizeIsOneCurveAndItsIncarnationsStayReachable) {
  const auto port = serve();
  train_epochs(broker_.address(), 1, 8, 40, 32);
  train_epochs(broker_.address(), 9, 10, 20, 64);
  ASSERT_TRUE(knows(360));
  const auto curve = get(port, std::string(kTrainer) + "/series?name=batch_loss&max_points=1000").json()["points"];
  ASSERT_EQ(curve.size(), 360U);
  for (int i = 0; i < 360; ++i)
    ASSERT_EQ(curve[i], json::array({i + 1, i < 320 ? 32 : 64}));
  EXPECT_EQ(get(port, std::string(kTrainer) + "/series?name=epoch_loss").json()["total"], 10);

  ASSERT_TRUE(
      eventually("STOPPED", [&] { return get(port, "/api/trainers").json()["trainers"][0]["state"] == "STOPPED"; }));
  const auto incarnations = get(port, "/api/trainers").json()["trainers"][0]["incarnations"];
  ASSERT_EQ(incarnations.size(), 2U);
  EXPECT_EQ(incarnations[1]["offset"], 320);
  const std::string first = incarnations[0]["incarnation"];
  const auto older = get(port, std::string(kTrainer) + "/series?name=batch_loss&incarnation=" + first).json();
  EXPECT_EQ(older["total"], 320);
  EXPECT_EQ(older["incarnation"], first);
}

TEST_F(DashboardTest, AnyNamedValueIsASeriesAndNaNIsKeptApartFromNotSaid) {
  const auto port = serve();
  Producer producer({.run = "r", .trainer = "t", .broker = broker_.address(), .meter_resources = false});
  producer.start({.parameters = {{"depth", "3"}}, .tags = {"gan"}, .notes = "first try"});
  for (int i = 0; i < 10; ++i)
    producer.log_batch(
        {.epoch = 1, .batch = i, .scalars = {{"gen_loss", i == 4 ? std::nan("") : i}, {"val/iou of a", 0.5}}});
  ASSERT_TRUE(eventually("all ten", [&] {
    const auto answer = get(port, std::string(kTrainer) + "/series?name=gen_loss");
    return answer.status == 200 && answer.json()["total"] == 10;
  }));
  const auto curve = get(port, std::string(kTrainer) + "/series?name=gen_loss").json();
  EXPECT_EQ(curve["points"][4], json::array({5, "NaN"}));
  EXPECT_EQ(curve["not_finite"], 1);
  EXPECT_EQ(get(port, std::string(kTrainer) + "/series?name=val%2Fiou+of%20a").json()["total"], 10);
  EXPECT_EQ(get(port, std::string(kTrainer) + "/series?name=batch_loss").status, 404U) << "nobody said a loss";

  const auto list = get(port, std::string(kTrainer) + "/series").json();
  EXPECT_EQ(list["names_left_out"], 0);
  const auto named =
      std::ranges::find_if(list["series"], [](const json& one) { return one["name"] == "val/iou of a"; });
  ASSERT_NE(named, list["series"].end()) << list;
  EXPECT_EQ((*named)["group"], "val");
  EXPECT_EQ((*named)["last"], 0.5);

  const auto trainer = get(port, "/api/trainers").json()["trainers"][0];
  EXPECT_TRUE(trainer["loss"].is_null());
  EXPECT_EQ(trainer["scalars"]["gen_loss"], 9);
  EXPECT_EQ(trainer["parameters"]["depth"], "3");
  EXPECT_EQ(trainer["notes"], "first try");
}

TEST_F(DashboardTest, AKnobIsSetAndAnActionIsAskedForOverHttp) {
  const auto port = serve();
  Producer producer({.run = "r", .trainer = "t", .broker = broker_.address()});
  producer.on_number({.name = "weight_decay", .min = 0.0, .max = 0.1}, 0.01, [](double value) {
    return Applied{0.01, value};
  });
  producer.on_action({.name = "save_checkpoint"}, [] { return Applied{std::string("at ckpt.pt")}; });
  producer.start({});
  std::jthread loop([&](const std::stop_token& over) {
    while (!over.stop_requested() && producer.step()) {
      producer.log_batch({.loss = 1});
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  ASSERT_TRUE(knows(1));
  const auto ends = [&](const std::string& body) {
    const auto answer = post(port, "/api/trainers/r/t/commands", body);
    EXPECT_EQ(answer.status, 202U) << answer.body;
    json command;
    EXPECT_TRUE(eventually("the command ends", [&] {
      command = get(port, "/api/commands/" + answer.json()["command_id"].get<std::string>()).json();
      return command["state"] == "APPLIED" || command["state"] == "REJECTED";
    })) << command;
    return command["commands"][0];
  };
  const auto set = ends(R"({"type":"SET_KNOB","name":"weight_decay","value":"0.05"})");
  EXPECT_EQ(set["state"], "APPLIED");
  EXPECT_EQ(set["name"], "weight_decay");
  EXPECT_EQ(set["new_value"], "0.05");
  EXPECT_EQ(ends(R"({"type":"SET_KNOB","name":"save_checkpoint"})")["new_value"], "at ckpt.pt");
  const auto refused = ends(R"({"type":"SET_KNOB","name":"weight_decay","value":"7"})");
  EXPECT_EQ(refused["state"], "REJECTED");
  EXPECT_THAT(refused["reason"].get<std::string>(), HasSubstr("from 0 to 0.1"));
  for (const auto* body :
       {R"({"type":"SET_KNOB"})", R"({"type":"SET_KNOB","name":7})", R"({"type":"SET_KNOB","name":"a b"})"})
    EXPECT_EQ(post(port, "/api/trainers/r/t/commands", body).status, 400U) << body;
  EXPECT_EQ(get(port, "/api/trainers").json()["trainers"][0]["knobs"][0]["name"], "weight_decay");
}

TEST_F(DashboardTest, MediaAreListedAndFetchedWithTheRightType) {
  const auto port = serve();
  Producer producer({.run = "r", .trainer = "t", .broker = broker_.address()});
  producer.start({});
  const std::vector<std::uint8_t> pixels(32 * 16 * 3, 100);
  for (int i = 1; i <= 3; ++i) {
    producer.log_batch({.loss = 1});
    producer.log_text("sample/text", "step " + std::to_string(i));
    const MediaImage image{.pixels = pixels.data(), .width = 32, .height = 16, .caption = "a cat"};
    producer.log_images("generated", {&image, 1});
  }
  producer.log_table("confusion", {.columns = {"a", "b"}, .rows = {"a"}, .values = {1, 2}});
  const std::string media = std::string(kTrainer) + "/media";
  json list;
  ASSERT_TRUE(eventually("three names", [&] {
    const auto answer = get(port, media);
    if (answer.status != 200) return false;
    list = answer.json()["media"];
    return list.size() == 3 && list[1]["records"].size() == 3 && list[2]["records"].size() == 3;
  })) << list;
  EXPECT_EQ(list[2]["name"], "sample/text");
  EXPECT_EQ(get(port, media + "?name=sample/text").json()["text"], "step 3");
  EXPECT_EQ(get(port, media + "?name=sample/text&step=1").json()["text"], "step 1");
  EXPECT_EQ(get(port, media + "?name=confusion").json()["values"], json::array({1, 2}));
  const std::string id = list[1]["records"][0]["id"];
  const auto images = get(port, media + "/" + id).json();
  EXPECT_EQ(images["images"][0]["caption"], "a cat");
  const auto picture = get(port, media + "/" + id + "/0");
  EXPECT_EQ(picture.status, 200U);
  EXPECT_EQ(picture.fields["Content-Type"], "image/jpeg");
  EXPECT_EQ(picture.fields["X-Content-Type-Options"], "nosniff");
  EXPECT_TRUE(picture.body.starts_with("\xff\xd8"));
  EXPECT_EQ(get(port, media + "/" + id + "/1").status, 404U);
  EXPECT_EQ(get(port, media + "/" + id + "/x").status, 404U);
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
  const auto troubles = [&] { return browser.next_of("trainers").json()["troubles"]; };
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

// Tiles up to the second overview, which comes half a second after the first.
int tiles_in_half_a_second(WebSocketClient& browser) {
  int tiles = 0;
  for (int overviews = 0; overviews < 2;) {
    const WebMessage message = browser.next();
    if (message.bytes.empty()) return -1;
    if (message.binary) ++tiles;
    if (message.type() == "trainers") ++overviews;
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
  browser.say(R"({"type":"watch"})");
  EXPECT_EQ(browser.next_of("trainers").type(), "trainers");
  EXPECT_NE(silent.front()->next_of("bye").json().value("reason", ""), "");
}

TEST_F(DashboardTest, ListsTrainersInPagesAndSaysWhatFollows) {
  const auto port = serve();
  std::vector<std::unique_ptr<Producer>> trainers;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    trainers.push_back(std::make_unique<Producer>(
        ProducerOptions{.run = "r", .trainer = name, .broker = broker_.address(), .spool_dir = ""}));
    trainers.back()->start({.class_names = {"cat", "dog"}, .parameters = {{"optimizer", "sgd"}}});
  }
  ASSERT_TRUE(eventually("all are known", [&] { return get(port, "/api/trainers").json()["total"] == 5; }));
  const auto all = get(port, "/api/trainers").json();
  EXPECT_EQ(all["trainers"].size(), 5U);
  EXPECT_EQ(all["truncated"], false);
  EXPECT_FALSE(all.contains("next"));
  std::string names, after;
  for (const std::size_t expected : {2U, 2U, 1U}) {
    const auto page = get(port, "/api/trainers?limit=2&after=" + after).json();
    ASSERT_EQ(page["trainers"].size(), expected);
    EXPECT_EQ(page["total"], 5);
    EXPECT_EQ(page["truncated"], expected == 2U);
    for (const auto& trainer : page["trainers"]) {
      names += trainer["trainer"].get<std::string>();
      EXPECT_FALSE(trainer.contains("class_names"));
      EXPECT_FALSE(trainer.contains("parameters"));
    }
    after = page.value("next", "");
  }
  EXPECT_EQ(names, "abcde");
  EXPECT_TRUE(eventually("the plan itself was read",
                         [&] { return get(port, "/api/trainers/r/c").json()["class_names"].size() == 2U; }));
  EXPECT_EQ(get(port, "/api/trainers/r/nobody").status, 404U);
  for (const char* bad : {"limit=0", "limit=10001", "limit=1.5", "limit=x", "after=r", "after=r/..%2f"})
    EXPECT_EQ(get(port, std::string("/api/trainers?") + bad).status, 400U) << bad;
}

TEST_F(DashboardTest, SaysThatTheBrokerIsAway) {
  const auto port = serve();
  train(1);
  ASSERT_TRUE(knows(1));
  broker_.stop();
  EXPECT_EQ(post(port, "/api/trainers/r/t/commands", R"({"type":"PAUSE_TRAINING"})").status, 503U);
  EXPECT_TRUE(eventually("it knows", [&] { return get(port, "/healthz").json()["broker_connected"] == false; }));
  EXPECT_TRUE(is("UNREACHABLE"));
  broker_.start();
  EXPECT_TRUE(eventually("it is back", [&] { return get(port, "/healthz").json()["broker_connected"] == true; }));
}

TEST(DashboardProgram, SaysWhereItServesAndEndsCleanlyWithAGoodbye) {
  const test::RunningBroker broker;
  test::Process program("trainbus-dashboard", {"--listen", "127.0.0.1:0", "--broker", broker.address()});
  const auto port_text = program.wait_for("open http://127.0.0.1:");
  ASSERT_TRUE(port_text) << program.output();
  const int port = std::stoi(*port_text);
  test::Process second("trainbus-dashboard", {"--listen", "127.0.0.1:" + std::to_string(port)});
  EXPECT_EQ(second.wait(seconds(5)), 1);
  EXPECT_THAT(second.output(), HasSubstr("127.0.0.1:" + std::to_string(port)));
  WebSocketClient browser(static_cast<std::uint16_t>(port));
  EXPECT_EQ(browser.next().type(), "hello");
  program.signal(SIGTERM);
  EXPECT_EQ(browser.next_of("bye").json().value("reason", ""), "the server is going away");
  EXPECT_TRUE(browser.next().bytes.empty());
  EXPECT_EQ(program.wait(seconds(2)), 0);
}

TEST(DashboardProgram, RefusesBadFlagsWithOneLine) {
  const std::vector<std::pair<std::vector<std::string>, int>> refused = {
      {{"--listen", "0.0.0.0:0"}, 1}, {{"--listen", "8080"}, 1},       {{"--listen", "127.0.0.1:99999"}, 1},
      {{"--broker", "nowhere"}, 1},   {{"--www-root", "/nowhere"}, 1}, {{"--nonsense"}, 2}};
  for (const auto& [arguments, code] : refused) {
    test::Process program("trainbus-dashboard", arguments);
    EXPECT_EQ(program.wait(seconds(5)), code) << arguments.front();
    EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 1) << program.output();
  }
}

}  // namespace
}  // namespace trainbus
