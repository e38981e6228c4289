#include "consumers/dashboard/server/trainer_list.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "consumers/dashboard/server/bus_model.hpp"
#include "consumers/dashboard/server/trainer_json.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kNow = 1'700'000'000'000;

class Bus {
 public:
  void say(const std::string& trainer, v1::MetricsRequest message, Kind kind, std::int64_t now_ms) {
    Record record;
    record.topic = {kind, {"r", trainer}};
    message.set_session_id("r/" + trainer);
    message.set_incarnation(incarnation);
    record.message = std::move(message);
    record.order = static_cast<std::int64_t>(incarnation);
    model.apply(record, now_ms);
  }
  void batch(const std::string& trainer, int step, std::int64_t now_ms = kNow) {
    v1::MetricsRequest message;
    message.set_sequence(static_cast<std::uint64_t>(step));
    auto& batch = *message.mutable_batch_data();
    batch.set_epoch(1);
    batch.set_batch_idx(step - 1);
    batch.set_step(static_cast<std::uint64_t>(step));
    batch.set_batch_loss(1.0 / step);
    (*batch.mutable_scalars())["val/f1"] = step;
    (*batch.mutable_scalars())["never asked for"] = step;
    say(trainer, message, v1::KIND_BATCH, now_ms);
  }
  void plan(const std::string& trainer, const std::string& optimizer) {
    v1::MetricsRequest message;
    message.set_sequence(1);
    auto& status = *message.mutable_status_update();
    status.set_status(v1::RUNNING);
    (*status.mutable_config()->mutable_parameters())["optimizer"] = optimizer;
    for (int i = 0; i < 1000; ++i)
      status.mutable_config()->add_class_names("class " + std::to_string(i));
    say(trainer, message, v1::KIND_STATUS, kNow);
  }
  void refresh(std::int64_t now_ms = kNow, const ListColumns& columns = {}) {
    list.refresh(model, {now_ms, true}, columns);
  }
  json changes(TrainerList::Tick since, const ListColumns& columns = {}) const {
    std::string text = "{";
    list.append_changes(text, since, columns);
    return json::parse(text += '}');
  }

  std::uint64_t incarnation = 5;
  BusModel model;
  TrainerList list;
};

std::vector<std::string> members(const json& row) {
  std::vector<std::string> names;
  for (const auto& [name, value] : row.items())
    names.push_back(name);
  return names;
}

TEST(TrainerList, TheFirstListIsWholeAndTheNextHasWhatChanged) {
  Bus bus;
  bus.batch("a", 1);
  bus.batch("b", 1);
  bus.refresh();
  const auto first = bus.changes(0);
  EXPECT_EQ(first["whole"], true);
  ASSERT_EQ(first["rows"].size(), 2U);
  EXPECT_EQ(first["rows"][0]["trainer"], "a");
  EXPECT_EQ(first["rows"][0]["step"], 1);
  const auto sent = bus.list.tick();
  bus.batch("b", 2);
  bus.refresh();
  const auto second = bus.changes(sent);
  EXPECT_EQ(second["whole"], false);
  ASSERT_EQ(second["rows"].size(), 1U);
  EXPECT_EQ(second["rows"][0]["id"], first["rows"][1]["id"]);
  EXPECT_THAT(members(second["rows"][0]), ::testing::Contains("loss"));
  EXPECT_THAT(members(second["rows"][0]), ::testing::Not(::testing::Contains("run")));
  EXPECT_THAT(members(second["rows"][0]), ::testing::Not(::testing::Contains("sparkline"))) << "for one more batch";
}

TEST(TrainerList, WhoMissedSomeListsGetsAllThatChangedSince) {
  Bus bus;
  bus.batch("a", 1);
  bus.batch("b", 1);
  bus.refresh();
  const auto sent = bus.list.tick();
  bus.batch("a", 2);
  bus.refresh();
  bus.batch("b", 2);
  bus.refresh();
  EXPECT_EQ(bus.changes(sent)["rows"].size(), 2U);
  EXPECT_EQ(bus.changes(bus.list.tick() - 1)["rows"].size(), 1U);
  EXPECT_EQ(bus.changes(bus.list.tick())["rows"].size(), 0U);
}

TEST(TrainerList, NothingIsSentWhileOnlyTimePassesUntilSomebodyFallsSilent) {
  Bus bus;
  bus.batch("a", 1);
  v1::MetricsRequest beat;
  beat.mutable_heartbeat()->set_sequence_number(1);
  bus.say("a", beat, v1::KIND_HEARTBEAT, kNow);
  bus.refresh();
  const auto sent = bus.list.tick();
  bus.refresh(kNow + 1500);
  EXPECT_TRUE(bus.changes(sent)["rows"].empty());
  bus.refresh(kNow + 4000);
  const auto silent = bus.changes(sent)["rows"];
  ASSERT_EQ(silent.size(), 1U);
  EXPECT_EQ(silent[0]["silent_since_ms"], kNow);
  EXPECT_EQ(silent[0]["idle_since_ms"], kNow);
  const auto told = bus.list.tick();
  bus.refresh(kNow + 5000);
  EXPECT_TRUE(bus.changes(told)["rows"].empty()) << "the page counts on by itself";
  bus.say("a", beat, v1::KIND_HEARTBEAT, kNow + 5500);
  bus.refresh(kNow + 5500);
  EXPECT_EQ(bus.changes(told)["rows"][0]["silent_since_ms"], 0);
}

TEST(TrainerList, NamedValuesAndParametersComeToWhoChoseThem) {
  Bus bus;
  bus.plan("a", "sgd");
  bus.batch("a", 1);
  const ListColumns chosen{"parameter:optimizer", "value:val/f1", "value:nobody said it"};
  bus.refresh(kNow, chosen);
  const auto row = bus.changes(0, chosen)["rows"][0];
  EXPECT_EQ(row["parameter:optimizer"], "sgd");
  EXPECT_EQ(row["value:val/f1"], 1);
  EXPECT_TRUE(row["value:nobody said it"].is_null());
  EXPECT_FALSE(bus.changes(0)["rows"][0].contains("value:val/f1")) << "another browser did not choose it";
  EXPECT_LT(bus.changes(0)["rows"].dump().size(), 2000U) << "class names are in no list";
  const auto sent = bus.list.tick();
  bus.batch("a", 2);
  bus.refresh(kNow, chosen);
  EXPECT_EQ(bus.changes(sent, chosen)["rows"][0]["value:val/f1"], 2);
  EXPECT_FALSE(bus.changes(sent, chosen)["rows"][0].contains("parameter:optimizer"));
}

TEST(TrainerList, AnOlderIncarnationThatGoesOnIsARowOfItsOwnUntilItIsSilent) {
  Bus bus;
  bus.batch("a", 1);
  bus.incarnation = 6;
  bus.batch("a", 1);
  bus.incarnation = 5;
  bus.batch("a", 2, kNow + 3000);
  bus.refresh(kNow + 3000);
  const auto rows = bus.changes(0)["rows"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["incarnation"], "6");
  EXPECT_EQ(rows[1]["incarnation"], "5");
  EXPECT_EQ(rows[1]["newest"], false);
  const auto sent = bus.list.tick();
  bus.refresh(kNow + 60'000);
  EXPECT_THAT(bus.changes(sent)["gone"], ElementsAre(rows[1]["id"]));
  EXPECT_TRUE(bus.changes(0)["gone"].empty()) << "a whole list has what is there";
}

TEST(TrainerList, ASparklineIsOfTheWholeRunAndSeldomDrawnAgain) {
  Bus bus;
  for (int step = 1; step <= 3000; ++step)
    bus.batch("a", step);
  bus.refresh();
  const auto drawn = bus.changes(0)["rows"][0]["sparkline"];
  EXPECT_LE(drawn.size(), 60U);
  EXPECT_EQ(drawn.front(), 1);
  EXPECT_NEAR(drawn.back().get<double>(), 1.0 / 3000, 1e-6);
  int again = 0;
  for (int step = 3001; step <= 3300; ++step) {
    const auto sent = bus.list.tick();
    bus.batch("a", step);
    bus.refresh();
    again += static_cast<int>(bus.changes(sent)["rows"][0].contains("sparkline"));
  }
  EXPECT_GE(again, 2);
  EXPECT_LE(again, 5);
}

}  // namespace
}  // namespace trainbus
