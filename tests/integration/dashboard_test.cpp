// The dashboard server with a real broker and a real producer, asked as a browser asks: lists, curves, media, the page.

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "tests/support/running_dashboard.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/ledger.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::DashboardTest;
using test::eventually;
using test::get;
using test::kTrainer;
using test::post;
using ::testing::HasSubstr;

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
  EXPECT_THAT(std::string(page.fields["Content-Security-Policy"]),
              ::testing::AllOf(HasSubstr("default-src 'self'"), ::testing::Not(HasSubstr("unsafe"))));
  EXPECT_EQ(page.fields["X-Content-Type-Options"], "nosniff");
  const std::string etag(page.fields["ETag"]);
  EXPECT_EQ(get(port, "/", {{"If-None-Match", etag}}).status, 304U);
  EXPECT_EQ(get(port, "/app.js", {{"Accept-Encoding", "gzip"}}).fields["Content-Encoding"], "gzip");
  test::HttpClient client(port);
  const auto head = client.ask(test::http::verb::head, "/");
  EXPECT_EQ(head.fields["Content-Length"], std::to_string(page.body.size()));
  EXPECT_EQ(client.ask(test::http::verb::get, "/healthz").status, 200U) << "on the same connection";
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

}  // namespace
}  // namespace trainbus
