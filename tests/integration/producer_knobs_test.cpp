// Knobs of the producer SDK, against the real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::RunningBroker;
using testing::ElementsAre;
using testing::HasSubstr;

// A training loop in a thread, and an operator who turns its knobs.
class ProducerKnobs : public testing::Test {
 protected:
  ~ProducerKnobs() override { end_loop(); }

  void run(const TrainingPlan& plan = {}) {
    ASSERT_TRUE(bus_.start(plan));
    loop_ = std::thread([this] {
      while (bus_.step())
        std::this_thread::sleep_for(milliseconds(1));
    });
    ASSERT_TRUE(eventually("the broker knows the plan", [&] { return bus_.counters().stored > 0; }));
  }
  void end_loop() {
    bus_.interrupt();
    if (loop_.joinable()) loop_.join();
  }
  v1::ControlCommand command(v1::CommandType type, const std::map<std::string, std::string>& parameters) {
    v1::ControlCommand command;
    command.set_type(type);
    command.set_command_id(new_command_id());
    command.set_issuer("somebody");
    command.mutable_parameters()->insert(parameters.begin(), parameters.end());
    EXPECT_TRUE(control_.issue("r/t", command, seconds(5)));
    v1::ControlCommand last;
    EXPECT_TRUE(eventually("the command has ended", [&] {
      const auto found = control_.find(command.command_id(), seconds(5));
      if (found && !found->commands.empty()) last = found->commands[0].command();
      return command_ended(last.state());
    }));
    return last;
  }
  v1::ControlCommand set(const std::string& name, const std::string& value) {
    return command(v1::SET_KNOB, {{"name", name}, {"value", value}});
  }
  // The statuses in the journal, newest last, once the newest says `message`.
  std::vector<v1::StatusUpdate> statuses(const std::string& message) {
    std::vector<v1::StatusUpdate> found;
    EXPECT_TRUE(eventually("status '" + message + "'", [&] {
      v1::FetchRequest request;
      request.add_kinds(v1::KIND_STATUS);
      found.clear();
      for (const auto& record : test::journal_content(broker_.endpoints(), request).records)
        found.push_back(record.status_update());
      return !found.empty() && found.back().message() == message;
    }));
    return found;
  }
  static std::string value_of(const v1::StatusUpdate& status, std::string_view knob) {
    const auto* found = find_knob(status.config(), knob);
    return found == nullptr ? "none" : found->value();
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  RunningBroker broker_;
  std::mutex mutex_;
  std::vector<std::string> lines_;
  Producer bus_{{.run = "r",
                 .trainer = "t",
                 .broker = broker_.address(),
                 .spool_dir = {},
                 .on_problem = [this](const std::string& line) {
                   const std::lock_guard lock(mutex_);
                   lines_.push_back(line);
                 }}};
  ControlClient control_{broker_.address()};
  std::thread loop_;
};

TEST_F(ProducerKnobs, OfEachTypeAreDeclaredTurnedAndSaidAgain) {
  double momentum = 0.9;
  std::int64_t workers = 4;
  std::string optimizer = "sgd";
  bool augment = false;
  ASSERT_TRUE(bus_.on_number({.name = "momentum", .unit = "1", .min = 0.0, .max = 1.0, .help = "of SGD"}, momentum,
                             [&](double value) {
                               return Applied{std::exchange(momentum, value), value};
                             }));
  ASSERT_TRUE(bus_.on_integer({.name = "workers", .min = 1.0}, workers, [&](std::int64_t value) {
    return Applied{std::to_string(std::exchange(workers, value)), std::to_string(value)};
  }));
  ASSERT_TRUE(bus_.on_choice({.name = "optimizer"}, {"sgd", "adam"}, optimizer, [&](const std::string& value) {
    return Applied{std::exchange(optimizer, value), value};
  }));
  ASSERT_TRUE(bus_.on_switch({.name = "augment"}, augment, [&](bool on) {
    augment = on;
    return Applied{};
  }));
  ASSERT_TRUE(bus_.on_action({.name = "save_checkpoint"}, [] { return Applied{"wrote epoch-3.pt"}; }));
  run();
  const auto declared = statuses("started").back().config();
  ASSERT_EQ(declared.knobs_size(), 5);
  EXPECT_EQ(declared.knobs(0).type(), v1::Knob::NUMBER);
  EXPECT_EQ(declared.knobs(0).unit(), "1");
  EXPECT_EQ(declared.knobs(0).max(), 1);
  EXPECT_EQ(declared.knobs(0).value(), "0.9");
  EXPECT_EQ(declared.knobs(0).help(), "of SGD");
  EXPECT_FALSE(declared.knobs(1).has_max());
  EXPECT_THAT(declared.knobs(2).choices(), ElementsAre("sgd", "adam"));
  EXPECT_EQ(declared.knobs(3).value(), "off");
  EXPECT_EQ(declared.knobs(4).type(), v1::Knob::ACTION);

  const auto number = set("momentum", "0.95");
  EXPECT_EQ(number.state(), v1::COMMAND_APPLIED) << number.reason();
  EXPECT_EQ(number.old_value(), "0.9");
  EXPECT_EQ(number.new_value(), "0.95");
  EXPECT_EQ(value_of(statuses("applied momentum 0.9 -> 0.95 for somebody").back(), "momentum"), "0.95");
  EXPECT_EQ(set("workers", "8").new_value(), "8");
  EXPECT_EQ(set("optimizer", "adam").old_value(), "sgd");
  const auto on = set("augment", "true");
  EXPECT_EQ(on.old_value(), "off") << "what the handler leaves unsaid is known";
  EXPECT_EQ(on.new_value(), "true");
  const auto action = command(v1::SET_KNOB, {{"name", "save_checkpoint"}});
  EXPECT_EQ(action.state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(action.old_value(), "");
  EXPECT_EQ(action.new_value(), "wrote epoch-3.pt");
  const auto last = statuses("applied save_checkpoint wrote epoch-3.pt for somebody").back();
  EXPECT_EQ(value_of(last, "momentum"), "0.95");
  EXPECT_EQ(value_of(last, "workers"), "8");
  EXPECT_EQ(value_of(last, "optimizer"), "adam");
  EXPECT_EQ(value_of(last, "augment"), "on");
  EXPECT_EQ(value_of(last, "save_checkpoint"), "");
  end_loop();
  EXPECT_EQ(momentum, 0.95);
  EXPECT_EQ(workers, 8);
  EXPECT_EQ(optimizer, "adam");
  EXPECT_TRUE(augment);
}

TEST_F(ProducerKnobs, TheBrokerRefusesWhatIsOutOfRangeOrUnknown) {
  int calls = 0;
  const auto count = [&](auto...) {
    ++calls;
    return Applied{};
  };
  bus_.on_number({.name = "momentum", .min = 0.0, .max = 1.0}, 0.5, count);
  bus_.on_choice({.name = "optimizer"}, {"sgd", "adam"}, "sgd", count);
  bus_.on_action({.name = "validate"}, count);
  run();
  for (const auto& [name, value, reason] :
       {std::tuple("momentum", "1.5", "momentum must be a number from 0 to 1, got '1.5'"),
        std::tuple("momentum", "much", "got 'much'"), std::tuple("momentum", "nan", "got 'nan'"),
        std::tuple("optimizer", "lion", "one of sgd|adam"), std::tuple("validate", "now", "takes no value"),
        std::tuple("nothing", "1", "this trainer offers momentum, optimizer, validate")}) {
    const auto refused = set(name, value);
    EXPECT_EQ(refused.state(), v1::COMMAND_REJECTED) << name << ' ' << value;
    EXPECT_THAT(refused.reason(), HasSubstr(reason));
  }
  EXPECT_EQ(command(v1::SET_KNOB, {{"name", "momentum"}}).state(), v1::COMMAND_REJECTED);
  end_loop();
  EXPECT_EQ(calls, 0);
}

TEST_F(ProducerKnobs, AHandlerThatThrowsRejects) {
  bus_.on_action({.name = "fails"}, []() -> CommandOutcome { throw std::runtime_error("disk full \xff"); });
  bus_.on_action({.name = "fails_oddly"}, []() -> CommandOutcome { throw 7; });
  bus_.on_action({.name = "refuses"}, [] { return Rejected{}; });
  run();
  EXPECT_EQ(command(v1::SET_KNOB, {{"name", "fails"}}).reason(), "disk full ?");
  EXPECT_EQ(command(v1::SET_KNOB, {{"name", "fails_oddly"}}).reason(), "the handler failed and gave no reason");
  const auto refused = command(v1::SET_KNOB, {{"name", "refuses"}});
  EXPECT_EQ(refused.state(), v1::COMMAND_REJECTED);
  EXPECT_FALSE(refused.reason().empty());
  EXPECT_EQ(statuses("started").size(), 1u) << "nothing changed";
}

TEST_F(ProducerKnobs, AHandlerMayChangeThePlanItself) {
  bus_.on_batch_size([&](double size) {
    bus_.change_plan({.batches_per_epoch = 50, .batch_size = static_cast<std::int32_t>(size)}, "half as many batches");
    return Applied{32, size};
  });
  bus_.on_action({.name = "refuses"}, [&]() -> CommandOutcome {
    bus_.change_plan({.batches_per_epoch = 70, .batch_size = 64}, "");
    return Rejected{"not now"};
  });
  run({.batches_per_epoch = 100, .batch_size = 32});
  EXPECT_EQ(value_of(statuses("started").back(), kBatchSizeKnob), "32");
  EXPECT_EQ(command(v1::ADJUST_BATCH_SIZE, {{"value", "64"}}).state(), v1::COMMAND_APPLIED);
  const auto said = statuses("half as many batches");
  EXPECT_EQ(said.size(), 2u) << "once, not twice";
  EXPECT_EQ(said.back().config().batches_per_epoch(), 50);
  EXPECT_EQ(said.back().config().batch_size(), 64);
  EXPECT_EQ(value_of(said.back(), kBatchSizeKnob), "64");
  EXPECT_EQ(command(v1::SET_KNOB, {{"name", "refuses"}}).state(), v1::COMMAND_REJECTED);
  const auto silent = statuses("");
  EXPECT_EQ(silent.size(), 3u) << "a change without words is one";
  EXPECT_EQ(silent.back().config().batches_per_epoch(), 70);
}

TEST_F(ProducerKnobs, TheTwoBuiltInOnesAreSetByEitherCommandAndStandInThePlan) {
  double rate = 0.1;
  bus_.on_learning_rate([&](double value) { return Applied{std::exchange(rate, value), value}; });
  run({.learning_rate = 0.1});
  EXPECT_EQ(command(v1::CHANGE_LEARNING_RATE, {{"value", "0.05"}}).state(), v1::COMMAND_APPLIED);
  EXPECT_EQ(set("learning_rate", "0.025").old_value(), "0.05");
  const auto last = statuses("applied learning_rate 0.05 -> 0.025 for somebody").back();
  EXPECT_EQ(last.config().learning_rate(), 0.025);
  EXPECT_EQ(value_of(last, kLearningRateKnob), "0.025");
  EXPECT_EQ(set("learning_rate", "0").state(), v1::COMMAND_REJECTED);
  EXPECT_EQ(command(v1::ADJUST_BATCH_SIZE, {{"value", "64"}}).reason(), "this trainer has no knob 'batch_size'");
}

TEST_F(ProducerKnobs, ABadDeclarationIsRefusedAndTold) {
  const auto applied = [](auto...) { return Applied{}; };
  EXPECT_TRUE(bus_.on_number({.name = "twice"}, 1, applied));
  EXPECT_FALSE(bus_.on_switch({.name = "twice"}, true, applied));
  ASSERT_EQ(lines().size(), 1u);
  EXPECT_EQ(lines()[0], "knob 'twice' is declared twice");
  EXPECT_FALSE(bus_.on_number({.name = "a b"}, 1, applied));
  EXPECT_FALSE(bus_.on_number({.name = "falls", .min = 2.0, .max = 1.0}, 1, applied));
  EXPECT_FALSE(bus_.on_number({.name = "outside", .max = 1.0}, 2, applied));
  EXPECT_FALSE(bus_.on_number({.name = "no_handler"}, 2, {}));
  EXPECT_FALSE(bus_.on_choice({.name = "none"}, {}, "", applied));
  EXPECT_FALSE(bus_.on_choice({.name = "same"}, {"a", "a"}, "a", applied));
  EXPECT_FALSE(bus_.on_choice({.name = "bytes"}, {"a\xff"}, "", applied));
  EXPECT_FALSE(bus_.on_switch({.name = "ranged", .min = 0.0}, true, applied));
  EXPECT_TRUE(bus_.on_number({.name = "cleaned", .unit = "\xff", .help = "Stra\xdf"}, 1, applied));
  for (int i = 2; i < 64; ++i)
    ASSERT_TRUE(bus_.on_action({.name = "k" + std::to_string(i)}, applied));
  EXPECT_FALSE(bus_.on_action({.name = "k64"}, applied));
  run();
  const auto config = statuses("started").back().config();
  EXPECT_EQ(config.knobs_size(), 64);
  EXPECT_EQ(config.knobs(1).help(), "Stra?");
}

TEST_F(ProducerKnobs, DeclaredAfterTheStartAreSaidToo) {
  run();
  EXPECT_TRUE(bus_.on_switch({.name = "late"}, false, [](bool) { return Applied{}; }));
  EXPECT_EQ(value_of(statuses("offers late").back(), "late"), "off");
  EXPECT_EQ(set("late", "on").state(), v1::COMMAND_APPLIED);
}

}  // namespace
}  // namespace trainbus
