#include "trainbus/trainer_view.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

v1::MetricsRequest envelope(std::uint64_t incarnation, std::int64_t timestamp_ms = kNow) {
  v1::MetricsRequest message;
  message.set_session_id("r/t");
  message.set_incarnation(incarnation);
  message.set_timestamp_ms(timestamp_ms);
  return message;
}

v1::MetricsRequest batch(std::uint64_t incarnation, std::uint64_t step, double loss) {
  auto message = envelope(incarnation);
  message.mutable_batch_data()->set_step(step);
  message.mutable_batch_data()->set_batch_loss(loss);
  return message;
}

v1::MetricsRequest heartbeat(std::uint64_t number, std::int64_t timestamp_ms, std::uint64_t step,
                             std::int64_t since_last_step_ms) {
  auto message = envelope(1, timestamp_ms);
  auto& beat = *message.mutable_heartbeat();
  beat.set_timestamp_ms(timestamp_ms);
  beat.set_sequence_number(number);
  beat.set_step(step);
  beat.set_since_last_step_ms(since_last_step_ms);
  return message;
}

v1::MetricsRequest status(v1::TrainingStatus said) {
  auto message = envelope(1);
  message.mutable_status_update()->set_status(said);
  return message;
}

TEST(TrainerView, KnowsNothingAtFirst) {
  const TrainerView view({"r", "t"});
  EXPECT_TRUE(std::isnan(view.figures().loss));
  EXPECT_FALSE(view.figures().loss_known);
  EXPECT_EQ(view.heartbeat_age_ms(kNow), -1);
  EXPECT_EQ(view.liveness(kNow), Liveness::kWaiting);
}

TEST(TrainerView, ANewerIncarnationStartsFromNothingAndOlderOnesAreIgnored) {
  TrainerView view({"r", "t"});
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(5, 100, 0.5), kNow));
  EXPECT_TRUE(view.fold(v1::KIND_HEARTBEAT, envelope(6), kNow));
  EXPECT_FALSE(view.figures().loss_known);
  EXPECT_EQ(view.figures().step, 0u);
  EXPECT_FALSE(view.fold(v1::KIND_BATCH, batch(5, 101, 0.4), kNow));
  EXPECT_FALSE(view.figures().loss_known);
}

TEST(TrainerView, TellsALossThatIsNotFiniteFromNone) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_BATCH, batch(1, 1, std::nan("")), kNow);
  EXPECT_TRUE(view.figures().loss_known);
  EXPECT_TRUE(std::isnan(view.figures().loss));
}

TEST(TrainerView, ThePlanGivesWhatNoBatchHasSaidYet) {
  TrainerView view({"r", "t"});
  auto started = status(v1::RUNNING);
  auto& plan = *started.mutable_status_update()->mutable_config();
  plan.set_total_epochs(10);
  plan.set_batch_size(64);
  plan.set_learning_rate(0.1);
  view.fold(v1::KIND_STATUS, started, kNow);
  EXPECT_EQ(view.figures().batch_size, 64);
  EXPECT_EQ(view.figures().learning_rate, 0.1);
  EXPECT_EQ(view.figures().plan->total_epochs(), 10);
}

TEST(TrainerView, AnAppliedCommandChangesWhatIsInForce) {
  TrainerView view({"r", "t"});
  auto message = envelope(1);
  auto& command = *message.mutable_command();
  command.set_type(v1::CHANGE_LEARNING_RATE);
  (*command.mutable_parameters())["value"] = "0.02";
  command.set_state(v1::COMMAND_DELIVERED);
  view.fold(v1::KIND_COMMAND, message, kNow);
  EXPECT_TRUE(std::isnan(view.figures().learning_rate));
  command.set_state(v1::COMMAND_APPLIED);
  view.fold(v1::KIND_COMMAND, message, kNow);
  EXPECT_EQ(view.figures().learning_rate, 0.02);
  EXPECT_EQ(view.last_record_age_ms(kNow), -1) << "the broker said that, not the trainer";
}

TEST(TrainerView, HistoryIsAsOldAsItsTimestamps) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_BATCH, batch(1, 1, 0.5), kNow + 60'000, true);
  EXPECT_EQ(view.last_record_age_ms(kNow + 60'000), 60'000);
  EXPECT_EQ(view.liveness(kNow + 60'000), Liveness::kDead);
  view.fold(v1::KIND_BATCH, batch(1, 2, 0.5), kNow + 60'000);
  EXPECT_EQ(view.liveness(kNow + 60'000), Liveness::kAlive);
}

TEST(TrainerView, LearnsTheRhythmOfHeartbeatsAndSteps) {
  TrainerView view({"r", "t"});
  for (std::uint64_t beat = 1; beat <= 40; ++beat) {  // one every 500 ms, two steps in each
    const auto at = kNow + static_cast<std::int64_t>(beat) * 500;
    view.fold(v1::KIND_HEARTBEAT, heartbeat(beat, at, beat * 2, 20), at);
  }
  const auto facts = view.facts(kNow + 40 * 500);
  EXPECT_NEAR(static_cast<double>(facts.heartbeat_interval_ms), 500, 5);
  EXPECT_EQ(facts.recent_step_ms, 250);
  EXPECT_EQ(facts.last_step_age_ms, 20);
  EXPECT_EQ(facts.step, 80u);
}

TEST(TrainerView, APauseBetweenHeartbeatsIsNoLongStepWhenTheTrainerSaysHowLongItsStepsAre) {
  TrainerView view({"r", "t"});
  auto perf = envelope(1);
  perf.mutable_performance_data()->set_time_per_batch_ms(50);
  view.fold(v1::KIND_PERF, perf, kNow);
  view.fold(v1::KIND_HEARTBEAT, heartbeat(1, kNow, 9, 0), kNow);
  view.fold(v1::KIND_HEARTBEAT, heartbeat(2, kNow + 600'000, 10, 0), kNow + 600'000);
  EXPECT_EQ(view.facts(kNow + 600'000).recent_step_ms, 50);
}

TEST(TrainerView, SeesAStallInHeartbeatsThatBringNoStep) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_STATUS, status(v1::RUNNING), kNow);
  for (std::uint64_t beat = 1; beat <= 8; ++beat) {
    const auto since = static_cast<std::int64_t>(beat) * 2000;
    view.fold(v1::KIND_HEARTBEAT, heartbeat(beat, kNow + since, 9, since), kNow + since);
    EXPECT_EQ(view.liveness(kNow + since), since > 10'000 ? Liveness::kStalled : Liveness::kAlive) << since;
  }
}

TEST(TrainerView, APromiseCountsFromTheHeartbeatThatMadeIt) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_STATUS, status(v1::RUNNING), kNow);
  auto beat = heartbeat(1, kNow, 9, 30'000);
  beat.mutable_heartbeat()->set_next_checkin_ms(5'000);
  view.fold(v1::KIND_HEARTBEAT, beat, kNow);
  EXPECT_EQ(view.liveness(kNow + 4'999), Liveness::kAlive);
  EXPECT_EQ(view.liveness(kNow + 5'000), Liveness::kStalled);
}

TEST(TrainerView, AListEntryIsJudgedByTheBrokersAgesNotByTheTrainersClock) {
  for (const std::int64_t skew_ms : {-3'600'000, 0, 3'600'000}) {
    v1::TrainerEntry entry;
    entry.set_session_id("r/t");
    entry.set_incarnation(1);
    entry.set_last_heartbeat_age_ms(1500);
    entry.set_last_record_age_ms(40'000);
    const auto add = [&](Kind kind, const v1::MetricsRequest& message) {
      auto& stored = *entry.add_last();
      stored.set_kind(kind);
      stored.set_message(message.SerializeAsString());
    };
    add(v1::KIND_STATUS, status(v1::RUNNING));
    add(v1::KIND_HEARTBEAT, heartbeat(3, kNow + skew_ms, 9, 12'000));
    TrainerView view({"r", "t"});
    ASSERT_TRUE(view.fold(entry, kNow));
    EXPECT_EQ(view.heartbeat_age_ms(kNow), 1500);
    EXPECT_EQ(view.last_record_age_ms(kNow), 40'000);
    EXPECT_EQ(view.facts(kNow).last_step_age_ms, 13'500);
    EXPECT_EQ(view.liveness(kNow), Liveness::kStalled);
  }
}

}  // namespace
}  // namespace trainbus
