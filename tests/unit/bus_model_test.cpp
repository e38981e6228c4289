#include "consumers/dashboard/server/bus_model.hpp"

#include <gtest/gtest.h>

#include "trainbus/bus_session.hpp"

namespace trainbus {
namespace {

Record alert_of(const SessionName& session, bool active, const std::string& rule = "sink_failing") {
  Record record;
  record.topic = {v1::KIND_ALERT, session};
  record.message.set_session_id(session.id());
  record.message.set_timestamp_ms(1000);
  auto* alert = record.message.mutable_alert();
  alert->set_rule(rule);
  alert->set_message("no space left");
  alert->set_active(active);
  return record;
}

Record batch_of(const SessionName& session) {
  Record record;
  record.topic = {v1::KIND_BATCH, session};
  record.message.set_session_id(session.id());
  record.message.set_incarnation(1);
  record.message.set_sequence(1);
  record.message.mutable_batch_data()->set_batch_idx(1);
  return record;
}

TEST(BusModel, TakesAnAlertOfTheBusForATroubleUntilItEnds) {
  BusModel model;
  model.apply(alert_of(bus_session("log-jsonl"), true), 0);
  ASSERT_EQ(model.troubles().size(), 1U);
  EXPECT_EQ(model.troubles().at({"log-jsonl", "sink_failing"}).message, "no space left");
  EXPECT_TRUE(model.trainers().empty());
  model.apply(alert_of(bus_session("log-jsonl"), false), 0);
  EXPECT_TRUE(model.troubles().empty());
}

TEST(BusModel, ShowsEveryTroubleOfAProgramUntilItEnds) {
  BusModel model;
  model.apply(alert_of(bus_session("broker"), true, "limit"), 0);
  model.apply(alert_of(bus_session("broker"), true, "journal_failing"), 0);
  model.apply(alert_of(bus_session("log-jsonl"), true, "limit"), 0);
  EXPECT_EQ(model.troubles().size(), 3U);
  model.apply(alert_of(bus_session("broker"), false, "journal_failing"), 0);
  EXPECT_TRUE(model.troubles().contains({"broker", "limit"}));
  EXPECT_FALSE(model.troubles().contains({"broker", "journal_failing"}));
}

TEST(BusModel, ShowsATrainerWhoseRunHasTheNameOfTheBus) {
  BusModel model;
  const SessionName session{std::string(kBusRun), "t"};
  model.apply(batch_of(session), 0);
  ASSERT_NE(model.find(session), nullptr);
  model.apply(alert_of(session, true), 0);
  EXPECT_TRUE(model.troubles().empty());
}

TEST(BusModel, ThinsLongCurvesWhenMoreTrainersShareTheMemory) {
  constexpr std::size_t kBatches = 20'000;
  BusModel model(8 * 10'000 * sizeof(Point) / 4 * 5);
  const auto points = [&] { return model.find({"r", "t0"})->curves().line("batch_loss"); };
  Record record = batch_of({"r", "t0"});
  record.message.mutable_batch_data()->set_batch_loss(1);
  for (std::size_t i = 1; i <= kBatches; ++i) {
    record.message.set_sequence(i);
    record.message.mutable_batch_data()->set_step(i);
    model.apply(record, 0);
  }
  EXPECT_EQ(points().size(), kBatches);
  for (const char* trainer : {"t1", "t2", "t3"})
    model.apply(batch_of({"r", trainer}), 0);
  EXPECT_LE(points().size(), 10'000U);
  EXPECT_GE(points().size(), 4'000U);
  EXPECT_EQ(points().back().x, static_cast<double>(kBatches));
}

}  // namespace
}  // namespace trainbus
