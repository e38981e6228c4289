// What is known of a trainer as samples for Prometheus.

#include "bus_metrics.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace trainbus {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kNow = 1'700'000'000'000;

std::string text_of(const TrainerView& view, Liveness state = Liveness::kAlive) {
  MetricFamilies families;
  add_trainer_metrics(families, view, state, kNow);
  return families.text();
}

v1::MetricsRequest a_batch() {
  v1::MetricsRequest message;
  message.set_session_id("r/t");
  message.set_incarnation(1);
  message.mutable_batch_data()->set_step(1);
  return message;
}

TEST(BusMetrics, WhatWasNotSaidHasNoSampleAndWhatIsNotFiniteHasOne) {
  TrainerView view({"r", "t"});
  auto message = a_batch();
  message.mutable_batch_data()->set_batch_loss(std::nan(""));
  message.mutable_batch_data()->set_learning_rate(INFINITY);
  (*message.mutable_batch_data()->mutable_scalars())["val/iou"] = std::nan("");
  (*message.mutable_batch_data()->mutable_scalars())["gen_loss"] = 0.5;
  view.fold(v1::KIND_BATCH, message, kNow);
  auto perf = a_batch();
  perf.mutable_performance_data()->mutable_resource_usage()->set_memory_mb(1);
  view.fold(v1::KIND_PERF, perf, kNow);
  const auto text = text_of(view);
  EXPECT_THAT(text, ::testing::ContainsRegex(R"(trainbus_train_loss\{run="r",trainer="t",split="train"\} N[aA]N?)"));
  EXPECT_THAT(text, HasSubstr(R"(trainbus_train_learning_rate{run="r",trainer="t"} +Inf)"));
  EXPECT_THAT(text, HasSubstr(R"(trainbus_scalar{run="r",trainer="t",name="gen_loss"} 0.5)"));
  EXPECT_THAT(text, ::testing::ContainsRegex(R"(trainbus_scalar\{run="r",trainer="t",name="val/iou"\} N)"));
  EXPECT_THAT(text, HasSubstr(R"(trainbus_train_memory_bytes{run="r",trainer="t"} 1048576)"));
  for (const auto* absent : {"accuracy", "split=\"validation\"", "gpu", "cpu", "batch_size"})
    EXPECT_THAT(text, Not(HasSubstr(absent)));
}

TEST(BusMetrics, NamesOfValuesAreBoundedAndTheOthersCounted) {
  TrainerView view({"r", "t"});
  auto message = a_batch();
  for (std::size_t i = 0; i < kMaxScalarSamples + 7; ++i)
    (*message.mutable_batch_data()->mutable_scalars())["name" + std::to_string(i)] = 1;
  view.fold(v1::KIND_BATCH, message, kNow);
  const auto text = text_of(view);
  std::size_t samples = 0;
  for (auto at = text.find("trainbus_scalar{"); at != text.npos; at = text.find("trainbus_scalar{", at + 1))
    ++samples;
  EXPECT_EQ(samples, kMaxScalarSamples);
  EXPECT_THAT(text, HasSubstr(R"(trainbus_scalar_names_left_out{run="r",trainer="t"} 7)"));
}

TEST(BusMetrics, StoppedIsAStateOfItsOwn) {
  const auto text = text_of(TrainerView({"r", "t"}), Liveness::kStopped);
  EXPECT_THAT(text, HasSubstr(R"(trainbus_trainer_state{run="r",trainer="t",state="STOPPED"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(trainbus_trainer_state{run="r",trainer="t",state="COMPLETED"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(trainbus_trainer_up{run="r",trainer="t"} 0)"));
}

}  // namespace
}  // namespace trainbus
