// Pauses: with a time limit, and of several producers that one thread steps in turn.
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class ProducerPause : public testing::Test {
 protected:
  ~ProducerPause() override {
    running_ = false;
    generator_->interrupt();
    critic_->interrupt();
    if (loop_.joinable()) loop_.join();
  }
  std::unique_ptr<Producer> producer(const std::string& name) {
    auto made = std::make_unique<Producer>(ProducerOptions{.run = "gan",
                                                           .trainer = name,
                                                           .broker = broker_.address(),
                                                           .heartbeat_interval = 200ms,
                                                           .spool_dir = {},
                                                           .meter_resources = false});
    made->start({});
    EXPECT_TRUE(eventually("connected", [&] { return made->connected(); }));
    return made;
  }
  void train() {
    loop_ = std::thread([this] {
      while (running_ && generator_->step() && critic_->step()) {
        ++steps_;
        std::this_thread::sleep_for(1ms);
      }
      ended_ = true;
    });
    ASSERT_TRUE(eventually("trains", [&] { return steps_ > 3; }));
  }
  // Issues it, and waits until each addressed trainer has applied it.
  testing::AssertionResult applied(const std::string& session, v1::CommandType type) {
    v1::ControlCommand command;
    command.set_type(type);
    ControlClient control(broker_.address());
    const auto issued = control.issue(session, command, 20s);
    if (!issued || issued->commands.empty()) return testing::AssertionFailure() << "refused";
    const auto id = issued->commands[0].command().command_id();
    return eventually(session + " applied " + v1::CommandType_Name(type), [&] {
      const auto states = control.find(id, 20s);
      return states && std::ranges::all_of(states->commands, [](const v1::AddressedCommand& each) {
               return each.command().state() == v1::COMMAND_APPLIED;
             });
    });
  }
  std::string status_of(const std::string& trainer) {
    ControlClient control(broker_.address());
    const auto list = control.list("gan", 20s);
    for (const auto& entry : list ? list->trainers() : google::protobuf::RepeatedPtrField<v1::TrainerEntry>())
      for (const auto& last : entry.last()) {
        v1::MetricsRequest record;
        if (entry.session_id() != "gan/" + trainer || last.kind() != v1::KIND_STATUS) continue;
        record.ParseFromString(last.message());
        return v1::TrainingStatus_Name(record.status_update().status()) + ": " + record.status_update().message();
      }
    return "nothing";
  }

  test::RunningBroker broker_;
  std::unique_ptr<Producer> generator_ = producer("generator");
  std::unique_ptr<Producer> critic_ = producer("critic");
  std::atomic<bool> running_{true};
  std::atomic<bool> ended_{false};
  std::atomic<int> steps_{0};
  std::thread loop_;
};

TEST_F(ProducerPause, AWholeRunOfOneThreadPausesAndResumes) {
  train();
  EXPECT_TRUE(applied("gan/*", v1::PAUSE_TRAINING));
  EXPECT_TRUE(generator_->paused());
  EXPECT_TRUE(critic_->paused());
  EXPECT_TRUE(applied("gan/*", v1::RESUME_TRAINING));
  const int before = steps_;
  EXPECT_TRUE(eventually("trains on", [&] { return steps_ > before + 3; }));
}

TEST_F(ProducerPause, WhoWaitsForAnotherSaysSoAndTakesCommands) {
  std::atomic<double> rate{0};
  critic_->on_learning_rate([&](double value) {
    rate = value;
    return Applied{};
  });
  train();
  EXPECT_TRUE(applied("gan/generator", v1::PAUSE_TRAINING));
  EXPECT_TRUE(
      eventually("held", [&] { return status_of("critic") == "PAUSED: waits for gan/generator, which is paused"; }));
  v1::ControlCommand command;
  command.set_type(v1::CHANGE_LEARNING_RATE);
  (*command.mutable_parameters())["value"] = "0.25";
  ControlClient control(broker_.address());
  ASSERT_TRUE(control.issue("gan/critic", command, 20s));
  EXPECT_TRUE(eventually("applied in the pause of the other", [&] { return rate == 0.25; }));
  EXPECT_TRUE(applied("gan/generator", v1::RESUME_TRAINING));
  EXPECT_TRUE(eventually("goes on", [&] { return status_of("critic") == "RUNNING: goes on"; }));
}

TEST_F(ProducerPause, EachNeedsItsOwnResumeWhicheverComesFirst) {
  train();
  for (const auto& [first, second] :
       {std::pair("gan/critic", "gan/generator"), std::pair("gan/generator", "gan/critic")}) {
    EXPECT_TRUE(applied("gan/*", v1::PAUSE_TRAINING));
    EXPECT_TRUE(applied(first, v1::RESUME_TRAINING));
    EXPECT_TRUE(generator_->paused() || critic_->paused());
    EXPECT_TRUE(applied(second, v1::RESUME_TRAINING));
    const int before = steps_;
    EXPECT_TRUE(eventually("trains on", [&] { return steps_ > before + 3; }));
  }
}

TEST_F(ProducerPause, AStopOfOneEndsTheWaitInTheOther) {
  train();
  EXPECT_TRUE(applied("gan/generator", v1::PAUSE_TRAINING));
  EXPECT_TRUE(applied("gan/critic", v1::STOP_TRAINING));
  EXPECT_TRUE(eventually("the loop ends", [&] { return ended_.load(); }));
}

TEST_F(ProducerPause, OneOfAnotherThreadIsNotHeld) {
  train();
  auto other = producer("other");
  std::atomic<int> others{0};
  std::thread loop([&] {
    while (running_ && other->step()) {
      ++others;
      std::this_thread::sleep_for(1ms);
    }
  });
  EXPECT_TRUE(applied("gan/generator", v1::PAUSE_TRAINING));
  const int before = others;
  EXPECT_TRUE(eventually("the other trains", [&] { return others > before + 20; }));
  EXPECT_EQ(status_of("other"), "RUNNING: started");
  running_ = false;
  loop.join();
}

TEST_F(ProducerPause, AStepWithATimeLimitComesBackFromAPause) {
  EXPECT_EQ(generator_->step_within(0ms), StepResult::kGoOn);
  v1::ControlCommand command;
  command.set_type(v1::PAUSE_TRAINING);
  ControlClient control(broker_.address());
  ASSERT_TRUE(control.issue("gan/generator", command, 20s));
  ASSERT_TRUE(eventually("paused", [&] { return generator_->step_within(1ms) == StepResult::kPaused; }));
  EXPECT_EQ(generator_->step_within(1ms), StepResult::kPaused) << "still";
  command.set_type(v1::RESUME_TRAINING);
  ASSERT_TRUE(control.issue("gan/generator", command, 20s));
  ASSERT_TRUE(eventually("resumed", [&] { return generator_->step_within(1ms) == StepResult::kGoOn; }));
  generator_->interrupt();
  EXPECT_EQ(generator_->step_within(1ms), StepResult::kEnd);
}

}  // namespace
}  // namespace trainbus
