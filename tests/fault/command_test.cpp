// Commands over a bad link: each is applied exactly once, and its end is known, whatever the link swallows.

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/support/eventually.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::FaultProxy;

// A training behind the bad link; its operator is beside the broker.
class CommandLinkTest : public testing::Test {
 protected:
  CommandLinkTest() {
    ProducerOptions options;
    options.run = "r";
    options.trainer = "t";
    options.broker = proxy_.address();
    options.spool_dir = spool_ / "spool";
    bus_ = std::make_unique<Producer>(options);
    loop_ = std::thread([this] {
      bus_->on_learning_rate([this](double value) {
        ++times_set_;
        rate_ = value;
        return Applied{0, value};
      });
      while (bus_->step())
        std::this_thread::sleep_for(1ms);
    });
  }
  ~CommandLinkTest() override {
    bus_->interrupt();
    loop_.join();
  }

  std::string issue(int value) {
    v1::ControlCommand command;
    command.set_type(v1::CHANGE_LEARNING_RATE);
    command.set_command_id(new_command_id());
    command.set_time_to_live_ms(120'000);
    (*command.mutable_parameters())["value"] = std::to_string(value);
    EXPECT_TRUE(control_.issue("r/t", command, 30s));
    return command.command_id();
  }
  v1::CommandState state(const std::string& id) {
    const auto found = control_.find(id, 30s);
    return found && !found->commands.empty() ? found->commands[0].command().state() : v1::COMMAND_STATE_UNSET;
  }
  testing::AssertionResult all_applied(const std::vector<std::string>& ids) {
    return eventually(
        "all are applied",
        [&] { return std::all_of(ids.begin(), ids.end(), [&](auto& id) { return state(id) == v1::COMMAND_APPLIED; }); },
        30s, 50ms);
  }

  test::TempDir spool_;
  test::RunningBroker broker_;
  FaultProxy proxy_{broker_.endpoints()};
  ControlClient control_{broker_.address()};
  std::unique_ptr<Producer> bus_;
  std::atomic<int> times_set_{0};
  std::atomic<double> rate_{0};
  std::thread loop_;
};

// Only what the trainer says is swallowed: the command has come, and was applied.
TEST_F(CommandLinkTest, AnAnswerThatIsLostIsSaidAgain) {
  ASSERT_TRUE(eventually("connected", [&] { return bus_->connected(); }));
  proxy_.stall(FaultProxy::Direction::kToBroker, true);
  const auto id = issue(3);
  ASSERT_TRUE(eventually("applied by the trainer", [&] { return rate_ == 3; }));
  EXPECT_EQ(state(id), v1::COMMAND_ACCEPTED) << "the broker cannot know";
  proxy_.reset_all();
  ASSERT_TRUE(eventually("the link is down", [&] { return !bus_->connected(); }));
  proxy_.stall(FaultProxy::Direction::kToBroker, false);
  EXPECT_TRUE(all_applied({id}));
  EXPECT_EQ(times_set_, 1);
}

TEST_F(CommandLinkTest, EachIsAppliedOnceOverALinkThatIsCutAgainAndAgain) {
  const unsigned seed = std::random_device{}();
  std::cout << "seed " << seed << std::endl;
  std::mt19937 random(seed);
  const auto below = [&](int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); };
  ASSERT_TRUE(eventually("connected", [&] { return bus_->connected(); }));
  std::vector<std::string> ids;
  for (int i = 1; i <= 40; ++i) {
    switch (below(4)) {
      case 0: proxy_.reset_all(); break;
      case 1: proxy_.cut_after(1 + static_cast<std::size_t>(below(600))); break;
      case 2: proxy_.stall(FaultProxy::Direction::kToBroker, below(2) == 0); break;
      default: break;
    }
    ids.push_back(issue(i));
    std::this_thread::sleep_for(std::chrono::milliseconds(below(150)));  // the operator's pace, not a wait
  }
  proxy_.stall(FaultProxy::Direction::kToBroker, false);
  EXPECT_TRUE(all_applied(ids));
  EXPECT_EQ(times_set_, 40);
}

}  // namespace
}  // namespace trainbus
