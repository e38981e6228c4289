#include "trainbus/trainer_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "text_forms.hpp"
#include "trainer_rows.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

// One trainer that said RUNNING an hour ago.
v1::TrainerList list_of(std::int64_t broker_age_ms, std::int64_t heard_age_ms) {
  v1::MetricsRequest status;
  status.set_incarnation(5);
  status.set_timestamp_ms(kNow - 3'600'000);
  status.mutable_status_update()->set_status(v1::RUNNING);
  status.mutable_status_update()->set_step(3);
  v1::TrainerList list;
  list.set_broker_time_ms(kNow);
  list.set_broker_incarnation(static_cast<std::uint64_t>(kNow - broker_age_ms) << 20);
  auto& entry = *list.add_trainers();
  entry.set_session_id("r/t");
  entry.set_incarnation(5);
  entry.set_last_heartbeat_age_ms(-1);
  entry.set_last_record_age_ms(heard_age_ms);
  entry.add_last()->set_kind(v1::KIND_STATUS);
  entry.mutable_last(0)->set_message(status.SerializeAsString());
  return list;
}

TEST(TrainerTable, ABrokerThatJustCameUpKnowsNobodyToBeDead) {
  TrainerTable table;
  table.update(list_of(2'000, -1), kNow);
  ASSERT_EQ(table.rows(kNow).size(), 1u);
  EXPECT_EQ(table.rows(kNow)[0].state, Liveness::kUnreachable);
  table.update(list_of(TrainerTable::kSettlingMs, -1), kNow);
  EXPECT_EQ(table.rows(kNow)[0].state, Liveness::kDead);
  table.update(list_of(2'000, 100), kNow);
  EXPECT_EQ(table.rows(kNow)[0].state, Liveness::kAlive);
}

// First heard of by the broker that just came up, and not from itself.
TEST(TrainerTable, WhoseRecordsSomebodyBroughtIsDeadAtOnce) {
  auto list = list_of(2'000, -1);
  list.mutable_trainers(0)->set_first_heard_ms(kNow - 1'000);
  TrainerTable table;
  table.update(list, kNow);
  EXPECT_EQ(table.rows(kNow)[0].state, Liveness::kDead);
}

TEST(TrainerTable, WhoWasNotHeardSinceTheStartIsAsOldAsItsNewestRecordIsToTheBroker) {
  auto list = list_of(60'000, -1);
  list.mutable_trainers(0)->mutable_last(0)->set_taken_in_ms(kNow - 7'000);
  TrainerTable table;
  table.update(list, 50);
  EXPECT_EQ(table.rows(50)[0].view->last_heard_age_ms(50), 7'000);
}

TEST(TrainerTable, WithoutABrokerEverybodyIsUnreachableAndStillListed) {
  TrainerTable table;
  table.update(list_of(60'000, 100), kNow);
  table.broker_away();
  ASSERT_EQ(table.rows(kNow).size(), 1u);
  EXPECT_EQ(table.rows(kNow)[0].state, Liveness::kUnreachable);
}

TEST(TrainerRows, LinesAreAlignedAndCutToTheTerminal) {
  TrainerTable table;
  table.update(list_of(60'000, 100), kNow);
  const auto lines = trainer_lines(table.rows(kNow), kNow, {});
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].size(), lines[1].size());
  EXPECT_THAT(lines[1], ::testing::StartsWith("ALIVE  r    t"));
  for (const auto& line : trainer_lines(table.rows(kNow), kNow, {.colours = false, .columns = 20}))
    EXPECT_EQ(line.size(), 20u);
}

TEST(TrainerRows, JsonHasNullForWhatIsNotKnown) {
  TrainerTable table;
  table.update(list_of(60'000, 100), kNow);
  const auto json = nlohmann::json::parse(trainers_json(table.rows(kNow), kNow))["trainers"][0];
  EXPECT_EQ(json["state"], "ALIVE");
  EXPECT_EQ(json["incarnation"], "5");
  EXPECT_TRUE(json["loss"].is_null());
  EXPECT_TRUE(json["heartbeat_age_ms"].is_null());
  EXPECT_EQ(json["last_record_age_ms"], 100);
}

TEST(TextForms, AreShortAndSafe) {
  EXPECT_EQ(duration_text(0.25), "250 ms");
  EXPECT_EQ(duration_text(7.21), "7.2 s");
  EXPECT_EQ(duration_text(45), "45 s");
  EXPECT_EQ(duration_text(600), "10 min");
  EXPECT_EQ(duration_text(3 * 86'400), "3 d");
  EXPECT_EQ(figure_text(0.00001234), "1.234e-05");
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a?[2Jb?");
}

}  // namespace
}  // namespace trainbus
