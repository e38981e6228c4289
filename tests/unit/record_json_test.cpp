#include "trainbus/record_json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace trainbus {
namespace {

Record record_of(Kind kind) {
  Record record;
  record.topic = {kind, {"mnist", "t0"}};
  record.message.set_session_id("mnist/t0");
  record.message.set_incarnation(1'844'674'407'370'955'161);
  record.message.set_sequence(7);
  record.message.set_timestamp_ms(1'700'000'000'123);
  return record;
}

TEST(RecordJson, PutsThePayloadsFieldsBesideTheEnvelopes) {
  auto record = record_of(v1::KIND_EPOCH);
  auto& epoch = *record.message.mutable_epoch_data();
  epoch.set_epoch(3);
  epoch.set_average_loss(0.1);
  epoch.set_timestamp_ms(5);
  epoch.set_validation_accuracy(0.5);
  EXPECT_EQ(record_json_line(record),
            R"({"kind":"epoch","run":"mnist","trainer":"t0","incarnation":1844674407370955161,"sequence":7,)"
            R"("timestamp_ms":1700000000123,"epoch":3,"average_loss":0.1,)"
            R"("is_converged":false,"validation_accuracy":0.5,"step":0})");
}

TEST(RecordJson, WritesWhatIsNotFiniteAsAStringAndLeavesOutWhatWasNotSaid) {
  auto record = record_of(v1::KIND_EPOCH);
  auto& epoch = *record.message.mutable_epoch_data();
  epoch.set_average_loss(-std::nan(""));
  epoch.set_average_accuracy(HUGE_VAL);
  epoch.set_learning_rate(-HUGE_VAL);
  epoch.set_validation_loss(std::nan(""));
  const auto json = nlohmann::json::parse(record_json_line(record));
  EXPECT_EQ(json["average_loss"], "NaN");
  EXPECT_EQ(json["average_accuracy"], "Infinity");
  EXPECT_EQ(json["learning_rate"], "-Infinity");
  EXPECT_EQ(json["validation_loss"], "NaN");
  EXPECT_FALSE(json.contains("validation_accuracy"));

  auto batch = record_of(v1::KIND_BATCH);
  batch.message.mutable_batch_data()->add_predictions()->set_confidence(HUGE_VALF);
  EXPECT_EQ(nlohmann::json::parse(record_json_line(batch))["predictions"][0]["confidence"], "Infinity");
}

TEST(RecordJson, NestsListsMessagesMapsAndEnumNames) {
  auto record = record_of(v1::KIND_BATCH);
  auto& prediction = *record.message.mutable_batch_data()->add_predictions();
  prediction.set_confidence(0.1F);
  prediction.add_top_k_scores()->set_label("cat");
  record.message.mutable_batch_data()->add_ground_truth(4);
  record.message.mutable_batch_data()->add_ground_truth(-1);
  const auto batch = nlohmann::json::parse(record_json_line(record));
  EXPECT_EQ(batch["predictions"][0]["confidence"], 0.1);  // the shortest text that is this float again
  EXPECT_EQ(batch["predictions"][0]["top_k_scores"][0]["label"], "cat");
  EXPECT_EQ(batch["ground_truth"], nlohmann::json({4, -1}));
  EXPECT_FALSE(batch.contains("images"));

  auto& command = *record.message.mutable_command();
  command.set_type(v1::CHANGE_LEARNING_RATE);
  (*command.mutable_parameters())["value"] = "0.01";
  const auto json = nlohmann::json::parse(record_json_line(record));
  EXPECT_EQ(json["type"], "CHANGE_LEARNING_RATE");
  EXPECT_EQ(json["parameters"], nlohmann::json({{"value", "0.01"}}));
  EXPECT_EQ(json["state"], "UNSET");
  command.set_state(v1::COMMAND_APPLIED);
  EXPECT_EQ(nlohmann::json::parse(record_json_line(record))["state"], "APPLIED");
}

TEST(RecordJson, EscapesWhatJsonAndTerminalsDoNotTake) {
  auto record = record_of(v1::KIND_STATUS);
  const std::string hostile = "a\"b\\c\n\t\x1b[2J\x7f \xc3\xa9";
  record.message.mutable_status_update()->set_message(hostile);
  const auto line = record_json_line(record);
  EXPECT_EQ(line.find_first_of("\n\t\x1b\x7f"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line)["message"], hostile);
}

TEST(RecordJson, EncodesImageBytesInBase64) {
  v1::ImageData image;
  for (const auto& [bytes, text] :
       {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}}) {
    image.set_image_bytes(bytes);
    EXPECT_EQ(nlohmann::json::parse(message_json(image))["image_bytes"], text);
  }
}

}  // namespace
}  // namespace trainbus
