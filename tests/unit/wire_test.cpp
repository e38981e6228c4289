#include "trainbus/wire.hpp"

#include <gtest/gtest.h>

#include "trainbus/text.hpp"

namespace trainbus {
namespace {

v1::MetricsRequest batch_record() {
  v1::MetricsRequest message;
  message.set_session_id("r/t");
  message.set_incarnation(7);
  message.set_sequence(1);
  message.mutable_batch_data()->set_batch_loss(0.5);
  return message;
}

WireError decode(const std::string& topic_bytes, const v1::MetricsRequest& message) {
  Topic topic;
  v1::MetricsRequest decoded;
  return decode_record(topic_bytes, message.SerializeAsString(), topic, decoded);
}

void add_images(v1::MetricsRequest& message, int count, int side) {
  for (int i = 0; i < count; ++i) {
    auto* image = message.mutable_batch_data()->add_images();
    image->set_width(side);
    image->set_height(side);
    image->set_image_bytes("x");
  }
}

TEST(Wire, ARecordComesBackAsItWas) {
  const auto sent = batch_record();
  Topic topic;
  v1::MetricsRequest received;
  ASSERT_EQ(decode_record("batch/r/t/", sent.SerializeAsString(), topic, received), WireError::kNone);
  EXPECT_EQ(topic.kind, v1::KIND_BATCH);
  EXPECT_EQ(received.SerializeAsString(), sent.SerializeAsString());
}

TEST(Wire, EveryFaultHasItsOwnReason) {
  EXPECT_EQ(decode("batch/r/", batch_record()), WireError::kBadTopic);
  EXPECT_EQ(decode("epoch/r/t/", batch_record()), WireError::kKindMismatch);
  EXPECT_EQ(decode("batch/r/other/", batch_record()), WireError::kSessionMismatch);
  auto empty = batch_record();
  empty.clear_payload();
  EXPECT_EQ(decode("batch/r/t/", empty), WireError::kNoPayload);
  auto request = batch_record();
  request.mutable_fetch();
  EXPECT_EQ(decode("batch/r/t/", request), WireError::kKindMismatch);
  auto huge = batch_record();
  huge.mutable_batch_data()->add_predictions()->set_predicted_label(std::string(kMaxRecordBytes, 'x'));
  EXPECT_EQ(decode("batch/r/t/", huge), WireError::kTooLarge);
  auto with_images = batch_record();
  add_images(with_images, 1, 32);
  EXPECT_EQ(decode("batch/r/t/", with_images), WireError::kBadImage);
  EXPECT_EQ(decode("tiles/r/t/", with_images), WireError::kNone);
  add_images(with_images, kMaxImages, 32);
  EXPECT_EQ(decode("tiles/r/t/", with_images), WireError::kTooManyImages);
  auto large_image = batch_record();
  add_images(large_image, 1, kMaxImagePixels + 1);
  EXPECT_EQ(decode("tiles/r/t/", large_image), WireError::kBadImage);

  Topic topic;
  v1::MetricsRequest decoded;
  EXPECT_EQ(decode_record("batch/r/t/", "\xff\xff\xff", topic, decoded), WireError::kNotProtobuf);
  const std::string_view one[] = {"batch/r/t/"};
  EXPECT_EQ(decode_record(one, topic, decoded), WireError::kFrameCount);
}

TEST(Wire, CommandsAreCheckedForTheirRange) {
  v1::ControlCommand command;
  command.set_command_id(new_command_id());
  const auto problem = [&](v1::CommandType type, const char* value) {
    command.set_type(type);
    command.clear_parameters();
    if (value != nullptr) (*command.mutable_parameters())["value"] = value;
    return command_problem(command);
  };
  EXPECT_EQ(problem(v1::PAUSE_TRAINING, nullptr), "");
  EXPECT_EQ(problem(v1::CHANGE_LEARNING_RATE, "1e-3"), "");
  EXPECT_EQ(problem(v1::ADJUST_BATCH_SIZE, "128"), "");
  for (const char* value : {"0", "-1", "nan", "inf", "", "abc", "1e-3x", " 1"}) {
    EXPECT_NE(problem(v1::CHANGE_LEARNING_RATE, value), "") << value;
    EXPECT_NE(problem(v1::ADJUST_BATCH_SIZE, value), "") << value;
  }
  EXPECT_NE(problem(v1::ADJUST_BATCH_SIZE, "1.5"), "");
  EXPECT_NE(problem(v1::ADJUST_BATCH_SIZE, "1048577"), "");
  EXPECT_NE(problem(v1::CHANGE_LEARNING_RATE, nullptr), "");
  EXPECT_NE(problem(v1::UNKNOWN_COMMAND, nullptr), "");
  EXPECT_NE(problem(v1::ADJUST_BATCH_SIZE, "0").find("'0'"), std::string::npos) << "names the value";
  command.set_command_id("XYZ");
  EXPECT_NE(problem(v1::PAUSE_TRAINING, nullptr), "");
}

TEST(Wire, IncarnationsGrowWithTime) {
  const auto before = static_cast<std::uint64_t>(unix_ms());
  const auto first = new_incarnation();
  EXPECT_GE(first >> 20, before);
  EXPECT_LE(first >> 20, static_cast<std::uint64_t>(unix_ms()));
  EXPECT_NE(new_incarnation(), first);
}

TEST(Wire, TextIsClippedBetweenTwoCharacters) {
  EXPECT_EQ(clipped("abc", 3), "abc");
  EXPECT_EQ(clipped("abcd", 3), "abc");
  EXPECT_EQ(clipped("a\xe2\x82\xac", 3), "a");
  EXPECT_EQ(clipped("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
  EXPECT_EQ(clipped("\x80\x80", 1), "");
}

// An answer with half a character in it is one that nobody can parse.
TEST(Wire, TheProblemOfACommandIsTextWhateverItsValueIs) {
  v1::ControlCommand command;
  command.set_command_id(new_command_id());
  command.set_type(v1::CHANGE_LEARNING_RATE);
  std::string euros;
  for (int i = 0; i < 20; ++i)
    euros += "\xe2\x82\xac";
  (*command.mutable_parameters())["value"] = euros;
  v1::ErrorResponse error, received;
  error.set_message(command_problem(command));
  EXPECT_NE(error.message(), "");
  EXPECT_TRUE(received.ParseFromString(error.SerializeAsString()));
  (*command.mutable_parameters())["value"] = "0.1";
  (*command.mutable_parameters())["more"] = std::string(600, 'x');
  EXPECT_NE(command_problem(command), "");
}

}  // namespace
}  // namespace trainbus
