#include "broker/roster.hpp"

#include <gmock/gmock.h>

#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;

class RosterTest : public testing::Test {
 protected:
  void hear(Kind kind, v1::MetricsRequest message) {
    message.set_session_id("r/t");
    message.set_incarnation(7);
    const std::string bytes = message.SerializeAsString();
    roster_.heard({kind, {"r", "t"}}, message, zmq::message_t(bytes.data(), bytes.size()), 1000);
  }

  void offer(const std::string& name, v1::Knob::Type type) {
    v1::MetricsRequest message;
    auto& knob = *message.mutable_status_update()->mutable_config()->add_knobs();
    knob.set_name(name);
    knob.set_type(type);
    knob.set_min(0);
    knob.set_max(1);
    hear(v1::KIND_STATUS, message);
  }

  std::string refusal(v1::CommandType type, const std::string& name, const char* value = nullptr) const {
    v1::ControlCommand command;
    command.set_type(type);
    if (!name.empty()) (*command.mutable_parameters())["name"] = name;
    if (value != nullptr) (*command.mutable_parameters())["value"] = value;
    return roster_.refusal("r/t", command);
  }

  Roster roster_;
};

TEST_F(RosterTest, SaysNothingAboutTheKnobsOfNobody) {
  EXPECT_EQ(refusal(v1::SET_KNOB, "dropout", "0.5"), "") << "of nobody: the command is refused for that already";
}

TEST_F(RosterTest, RefusesByThePlanOfTheTrainer) {
  offer("weight_decay", v1::Knob::NUMBER);
  EXPECT_EQ(refusal(v1::SET_KNOB, "weight_decay", "0.5"), "");
  EXPECT_EQ(refusal(v1::SET_KNOB, "weight_decay", "2"), "weight_decay must be a number from 0 to 1, got '2'");
  EXPECT_THAT(refusal(v1::SET_KNOB, "weight_decay"), HasSubstr("needs a value"));
  EXPECT_EQ(refusal(v1::SET_KNOB, "dropout", "0.5"), "no knob 'dropout'; this trainer offers weight_decay");
}

TEST_F(RosterTest, AStatusWithoutAPlanKeepsTheKnobs) {
  offer("weight_decay", v1::Knob::NUMBER);
  v1::MetricsRequest paused;
  paused.mutable_status_update()->set_status(v1::PAUSED);
  hear(v1::KIND_STATUS, paused);
  EXPECT_EQ(refusal(v1::SET_KNOB, "weight_decay", "0.5"), "");
}

TEST_F(RosterTest, WhoDeclaresNothingMayStillTakeTheTwoBuiltInOnes) {
  hear(v1::KIND_STATUS, [] {
    v1::MetricsRequest message;
    message.mutable_status_update()->set_status(v1::RUNNING);
    return message;
  }());
  EXPECT_EQ(refusal(v1::CHANGE_LEARNING_RATE, "", "0.1"), "");
  EXPECT_EQ(refusal(v1::PAUSE_TRAINING, ""), "");
  EXPECT_THAT(refusal(v1::SET_KNOB, "dropout", "0.5"), HasSubstr("offers none"));
}

// Up to 1 MiB each, and nothing that a list shows.
TEST_F(RosterTest, AListHasNoMedia) {
  v1::MetricsRequest text;
  text.mutable_media_data()->set_name("sample");
  text.mutable_media_data()->set_text(std::string(100'000, 'x'));
  hear(v1::KIND_MEDIA, text);
  v1::MetricsRequest values;
  (*values.mutable_scalar_data()->mutable_values())["a"] = 1;
  hear(v1::KIND_SCALARS, values);
  const auto list = roster_.list("", 1000);
  ASSERT_EQ(list.trainers_size(), 1);
  ASSERT_EQ(list.trainers(0).last_size(), 1);
  EXPECT_EQ(list.trainers(0).last(0).kind(), v1::KIND_SCALARS);
}

}  // namespace
}  // namespace trainbus
