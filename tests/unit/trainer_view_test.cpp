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
  beat.set_sequence_number(static_cast<std::uint32_t>(number));
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
  EXPECT_FALSE(view.figures().loss);
  EXPECT_EQ(view.heartbeat_age_ms(kNow), -1);
  EXPECT_EQ(view.liveness(kNow), Liveness::kWaiting);
}

TEST(TrainerView, ANewerIncarnationStartsFromNothingAndOlderOnesAreIgnored) {
  TrainerView view({"r", "t"});
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(5, 100, 0.5), kNow));
  EXPECT_TRUE(view.fold(v1::KIND_HEARTBEAT, envelope(6), kNow));
  EXPECT_FALSE(view.figures().loss);
  EXPECT_EQ(view.figures().step, 0u);
  EXPECT_FALSE(view.fold(v1::KIND_BATCH, batch(5, 101, 0.4), kNow));
  EXPECT_FALSE(view.figures().loss);
}

// Numbers of incarnations say nothing: a clock was set back, or a plain client chose one.
TEST(TrainerView, TheOrderTellsWhichIncarnationIsTheNewer) {
  TrainerView view({"r", "t"});
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(9'000, 100, 0.5), kNow, 1));
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(5, 1, 0.25), kNow, 2));
  EXPECT_EQ(view.figures().loss, 0.25);
  EXPECT_FALSE(view.fold(v1::KIND_BATCH, batch(9'000, 101, 0.4), kNow, 1));
  EXPECT_EQ(view.figures().loss, 0.25);
  EXPECT_FALSE(view.fold(v1::KIND_BATCH, batch(10'000, 1, 0.4), kNow, -7)) << "delivered from a spool after it";
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(1, 1, 0.125), kNow, 3));
  EXPECT_EQ(view.figures().incarnation, 1u);
}

TEST(TrainerView, WithoutAnOrderAnIncarnationIsNewerThatWasNotHeardOfBefore) {
  TrainerView view({"r", "t"});
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(9'000, 100, 0.5), kNow));
  EXPECT_TRUE(view.fold(v1::KIND_BATCH, batch(5, 1, 0.25), kNow));
  EXPECT_FALSE(view.fold(v1::KIND_BATCH, batch(9'000, 101, 0.4), kNow));
  EXPECT_EQ(view.figures().loss, 0.25);
}

TEST(TrainerView, TellsALossThatIsNotFiniteFromNone) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_BATCH, batch(1, 1, std::nan("")), kNow);
  ASSERT_TRUE(view.figures().loss);
  EXPECT_TRUE(std::isnan(*view.figures().loss));
  auto silent = envelope(1);
  silent.mutable_batch_data()->set_step(2);
  view.fold(v1::KIND_BATCH, silent, kNow);
  EXPECT_TRUE(std::isnan(view.figures().loss.value_or(0))) << "what was said last is still so";
  EXPECT_FALSE(view.figures().accuracy) << "never said";
  EXPECT_FALSE(view.figures().learning_rate);
}

TEST(TrainerView, NotesTheFirstLossThatWasNotFinite) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_BATCH, batch(1, 1, 0.5), kNow);
  EXPECT_FALSE(view.figures().not_finite);
  auto epoch = envelope(1);
  epoch.mutable_epoch_data()->set_epoch(1);
  epoch.mutable_epoch_data()->set_step(7);
  epoch.mutable_epoch_data()->set_validation_loss(INFINITY);
  view.fold(v1::KIND_EPOCH, epoch, kNow);
  view.fold(v1::KIND_BATCH, batch(1, 8, std::nan("")), kNow);
  view.fold(v1::KIND_BATCH, batch(1, 9, 0.5), kNow);
  ASSERT_TRUE(view.figures().not_finite);
  EXPECT_EQ(view.figures().not_finite->name, "validation_loss");
  EXPECT_EQ(view.figures().not_finite->step, 7u);
}

TEST(TrainerView, KeepsTheLastOfEachNamedValueOfAnyKindAndCountsNamesBeyondTheBound) {
  TrainerView view({"r", "t"});
  auto first = batch(1, 1, 0.5);
  (*first.mutable_batch_data()->mutable_scalars())["gen_loss"] = 2;
  view.fold(v1::KIND_BATCH, first, kNow);
  auto later = envelope(1);
  later.set_sequence(1);
  (*later.mutable_scalar_data()->mutable_values())["gen_loss"] = -INFINITY;
  for (std::size_t i = 0; i < kMaxValueNames; ++i)
    (*later.mutable_scalar_data()->mutable_values())["name" + std::to_string(i)] = 1;
  view.fold(v1::KIND_SCALARS, later, kNow);
  EXPECT_EQ(view.figures().scalars.at("gen_loss"), -INFINITY);
  EXPECT_EQ(view.figures().scalars.size(), kMaxValueNames);
  EXPECT_EQ(view.figures().scalars_left_out, 1u);
  view.fold(v1::KIND_SCALARS, later, kNow);
  EXPECT_EQ(view.figures().scalars_left_out, 1u) << "a list repeats its records";
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
  EXPECT_FALSE(view.figures().learning_rate);
  command.set_state(v1::COMMAND_APPLIED);
  view.fold(v1::KIND_COMMAND, message, kNow);
  EXPECT_EQ(view.figures().learning_rate, 0.02);
  EXPECT_EQ(view.last_record_age_ms(kNow), -1) << "the broker said that, not the trainer";
}

TEST(TrainerView, TheLearningRateOfTheLatestStepIsInForceInWhateverOrderRecordsCome) {
  TrainerView view({"r", "t"});
  auto changed = envelope(1);
  auto& command = *changed.mutable_command();
  command.set_type(v1::CHANGE_LEARNING_RATE);
  command.set_state(v1::COMMAND_APPLIED);
  command.set_applied_step(5);  // five batches were finished
  command.set_new_value("0.02");
  view.fold(v1::KIND_COMMAND, changed, kNow);
  auto before = batch(1, 5, 0.5);
  before.mutable_batch_data()->set_learning_rate(0.1);
  view.fold(v1::KIND_BATCH, before, kNow);
  EXPECT_EQ(view.figures().learning_rate, 0.02);
  auto scheduled = batch(1, 9, 0.5);
  scheduled.mutable_batch_data()->set_learning_rate(0.001);
  view.fold(v1::KIND_BATCH, scheduled, kNow);
  view.fold(v1::KIND_COMMAND, changed, kNow);
  EXPECT_EQ(view.figures().learning_rate, 0.001) << "the command is older";
}

TEST(TrainerView, AnAppliedKnobHasItsNewValueAndARefusedOneItsOld) {
  TrainerView view({"r", "t"});
  auto started = status(v1::RUNNING);
  auto& knob = *started.mutable_status_update()->mutable_config()->add_knobs();
  knob.set_name("weight_decay");
  knob.set_value("0.1");
  view.fold(v1::KIND_STATUS, started, kNow);
  auto message = envelope(1);
  auto& command = *message.mutable_command();
  command.set_type(v1::SET_KNOB);
  (*command.mutable_parameters())["name"] = "weight_decay";
  (*command.mutable_parameters())["value"] = "0.20";
  command.set_state(v1::COMMAND_REJECTED);
  view.fold(v1::KIND_COMMAND, message, kNow);
  EXPECT_EQ(view.figures().plan->knobs(0).value(), "0.1");
  command.set_state(v1::COMMAND_APPLIED);
  command.set_new_value("0.2");
  view.fold(v1::KIND_COMMAND, message, kNow);
  EXPECT_EQ(view.figures().plan->knobs(0).value(), "0.2") << "as the trainer said it";
}

// A training of 2 epochs of 10 batches, 500 ms each, that sends nothing but batches.
TrainerView a_plain_training(int batches, std::int32_t epoch_base = 1) {
  TrainerView view({"r", "t"});
  auto started = status(v1::RUNNING);
  started.mutable_status_update()->mutable_config()->set_total_epochs(2);
  started.mutable_status_update()->mutable_config()->set_batches_per_epoch(10);
  view.fold(v1::KIND_STATUS, started, kNow);
  for (int i = 0; i < batches; ++i) {
    auto message = envelope(1, kNow + i * 500);
    message.set_sequence(static_cast<std::uint64_t>(i) + 1);
    message.mutable_batch_data()->set_epoch(i / 10 + epoch_base);
    message.mutable_batch_data()->set_batch_idx(i % 10);
    view.fold(v1::KIND_BATCH, message, kNow + 3'600'000, 0, 3'600'000);
  }
  return view;
}

TEST(TrainerView, RatesProgressAndTheEndFollowFromBatchesAloneAlsoFromTheHistory) {
  const auto view = a_plain_training(13);
  const auto& figures = view.figures();
  EXPECT_EQ(figures.step, 13u) << "of its sequence";
  EXPECT_EQ(figures.time_per_batch_ms, 500);
  EXPECT_EQ(figures.fps, 2);
  EXPECT_EQ(figures.epoch_progress, 0.3);
  EXPECT_EQ(figures.eta_sec, 3.5) << "7 batches of 0.5 s";
  EXPECT_TRUE(figures.derived.fps && figures.derived.time_per_batch_ms && figures.derived.eta_sec);
  EXPECT_FALSE(figures.average_fps);
}

TEST(TrainerView, WhatTheTrainerSaysOfItsPaceWins) {
  auto view = a_plain_training(13);
  auto perf = envelope(1);
  perf.mutable_performance_data()->set_time_per_batch_ms(100);
  view.fold(v1::KIND_PERF, perf, kNow);
  EXPECT_EQ(view.figures().time_per_batch_ms, 100);
  EXPECT_FALSE(view.figures().derived.time_per_batch_ms);
  EXPECT_EQ(view.figures().fps, 2) << "not said";
  EXPECT_NEAR(*view.figures().eta_sec, 0.7, 1e-9);
  perf.mutable_performance_data()->set_current_fps(std::nanf(""));
  perf.mutable_performance_data()->set_estimated_time_remaining_sec(12);
  view.fold(v1::KIND_PERF, perf, kNow);
  EXPECT_TRUE(std::isnan(*view.figures().fps)) << "said, however odd";
  EXPECT_EQ(view.figures().eta_sec, 12);
  EXPECT_FALSE(view.figures().derived.eta_sec);
}

TEST(TrainerView, NothingIsLeftOnceTheTrainingHasEnded) {
  auto view = a_plain_training(13);
  view.fold(v1::KIND_STATUS, status(v1::STOPPED), kNow);
  EXPECT_FALSE(view.figures().eta_sec);
  EXPECT_EQ(view.liveness(kNow), Liveness::kStopped);
}

TEST(TrainerView, EpochsThatCountFromZeroAreShownFromOneAndNeverPastThePlan) {
  EXPECT_EQ(a_plain_training(5, 0).figures().epoch, 1);
  EXPECT_EQ(a_plain_training(20, 0).figures().epoch, 2);
  EXPECT_EQ(a_plain_training(20, 0).figures().epoch_base, 0);
  EXPECT_EQ(a_plain_training(20, 0).figures().eta_sec, 0);
  EXPECT_EQ(a_plain_training(20, 1).figures().epoch, 2);
  EXPECT_EQ(a_plain_training(20, 5).figures().epoch, 2) << "more epochs than planned";
}

TEST(TrainerView, ATrainerWithoutHeartbeatsIsDeadByItsOwnPace) {
  TrainerView view({"r", "t"});
  const auto flow = [&](int step) {
    auto message = envelope(1, kNow + step * 14'000);
    message.set_sequence(static_cast<std::uint64_t>(step));
    message.mutable_batch_data()->set_epoch(1);
    view.fold(v1::KIND_BATCH, message, kNow + step * 14'000);
  };
  for (int step = 1; step <= 20; ++step) {
    flow(step);
    EXPECT_EQ(view.liveness(kNow + step * 14'000 + 13'999), Liveness::kAlive) << step;
  }
  EXPECT_EQ(view.liveness(kNow + 20 * 14'000 + 140'000), Liveness::kAlive);
  EXPECT_EQ(view.liveness(kNow + 20 * 14'000 + 140'001), Liveness::kDead);
}

TEST(TrainerView, HistoryIsAsOldAsItIsSaidToBeWhateverItsTimestamps) {
  TrainerView view({"r", "t"});
  view.fold(v1::KIND_BATCH, batch(1, 1, 0.5), kNow + 60'000, 0, 40'000);
  EXPECT_EQ(view.last_record_age_ms(kNow + 60'000), 40'000);
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

TEST(TrainerView, AHeartbeatAndABatchOfOneListGiveAPace) {
  v1::TrainerEntry entry;
  entry.set_session_id("r/t");
  entry.set_incarnation(1);
  entry.set_last_heartbeat_age_ms(10);
  auto later = batch(1, 30, 0.5);
  later.set_timestamp_ms(kNow + 1000);
  for (const auto& [kind, message] :
       {std::pair(v1::KIND_BATCH, later), {v1::KIND_HEARTBEAT, heartbeat(3, kNow, 20, 0)}}) {
    auto& stored = *entry.add_last();
    stored.set_kind(kind);
    stored.set_message(message.SerializeAsString());
  }
  TrainerView view({"r", "t"});
  ASSERT_TRUE(view.fold(entry, kNow + 1010));
  EXPECT_EQ(view.figures().time_per_batch_ms, 100);
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
