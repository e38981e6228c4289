// The JSON of a trainer and of a command, read back by another library.

#include "trainbus/trainer_json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace trainbus {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

v1::MetricsRequest envelope() {
  v1::MetricsRequest message;
  message.set_session_id("r/t");
  message.set_incarnation(1849000000000000001);
  message.set_timestamp_ms(kNow);
  return message;
}

nlohmann::json json_of(const TrainerView& view, TrainerDetail detail = TrainerDetail::kAll) {
  return nlohmann::json::parse(trainer_json(view, Liveness::kAlive, kNow, detail));
}

TEST(TrainerJson, WhatWasNotSaidIsNullAndEveryKeyIsThere) {
  const auto json = json_of(TrainerView({"r", "t"}));
  for (const auto* key : {"epoch",
                          "total_epochs",
                          "batch",
                          "batches_per_epoch",
                          "epoch_progress",
                          "first_step",
                          "loss",
                          "accuracy",
                          "epoch_loss",
                          "epoch_accuracy",
                          "validation_loss",
                          "validation_accuracy",
                          "learning_rate",
                          "batch_size",
                          "not_finite",
                          "fps",
                          "average_fps",
                          "time_per_batch_ms",
                          "eta_sec",
                          "cpu_percent",
                          "memory_mb",
                          "gpu_percent",
                          "gpu_memory_mb",
                          "heartbeat_age_ms",
                          "last_record_age_ms"})
    EXPECT_TRUE(json.contains(key) && json[key].is_null()) << key;
  EXPECT_EQ(json["run"], "r");
  EXPECT_EQ(json["state"], "ALIVE");
  EXPECT_EQ(json["scalars"], nlohmann::json::object());
  EXPECT_EQ(json["parameters"], nlohmann::json::object());
  for (const auto* key : {"knobs", "tags", "class_names", "derived"})
    EXPECT_EQ(json[key], nlohmann::json::array()) << key;
  EXPECT_EQ(json["notes"], "");
}

TEST(TrainerJson, ValuesThatAreNotFiniteAreTheirNames) {
  TrainerView view({"r", "t"});
  auto message = envelope();
  auto& batch = *message.mutable_batch_data();
  batch.set_epoch(1);
  batch.set_batch_idx(4);
  batch.set_step(5);
  batch.set_batch_loss(std::nan(""));
  batch.set_batch_accuracy(0.25);
  (*batch.mutable_scalars())["a \"quoted\" name"] = -INFINITY;
  (*batch.mutable_scalars())["val/iou"] = 0.1;
  view.fold(v1::KIND_BATCH, message, kNow);
  const auto json = json_of(view);
  EXPECT_EQ(json["loss"], "NaN");
  EXPECT_EQ(json["accuracy"], 0.25);
  EXPECT_EQ(json["scalars"], (nlohmann::json{{"a \"quoted\" name", "-Infinity"}, {"val/iou", 0.1}}));
  EXPECT_EQ(json["not_finite"], (nlohmann::json{{"name", "loss"}, {"step", 5}, {"value", "NaN"}}));
  EXPECT_EQ(json["batch"], 4);
  EXPECT_EQ(json["incarnation"], "1849000000000000001");
}

TEST(TrainerJson, ThePlanGivesSettingsAndKnobsAndTheLargeOnesMayBeLeftOut) {
  TrainerView view({"r", "t"});
  auto message = envelope();
  auto& plan = *message.mutable_status_update()->mutable_config();
  plan.set_total_epochs(3);
  plan.set_first_step(40);
  plan.set_notes("two\nlines");
  plan.add_tags("a");
  plan.add_class_names("cat");
  (*plan.mutable_parameters())["optimizer"] = "sgd";
  auto& knob = *plan.add_knobs();
  knob.set_name("momentum");
  knob.set_type(v1::Knob::NUMBER);
  knob.set_min(0);
  knob.set_value("0.9");
  view.fold(v1::KIND_STATUS, message, kNow);
  const auto json = json_of(view);
  EXPECT_EQ(json["total_epochs"], 3);
  EXPECT_EQ(json["first_step"], 40);
  EXPECT_EQ(json["notes"], "two\nlines");
  EXPECT_EQ(json["tags"], nlohmann::json::array({"a"}));
  EXPECT_EQ(json["class_names"], nlohmann::json::array({"cat"}));
  EXPECT_EQ(json["class_names_left_out"], 0);
  EXPECT_EQ(json["parameters"]["optimizer"], "sgd");
  ASSERT_EQ(json["knobs"].size(), 1u);
  EXPECT_EQ(json["knobs"][0]["name"], "momentum");
  EXPECT_EQ(json["knobs"][0]["type"], "number");
  EXPECT_EQ(json["knobs"][0]["min"], 0);
  EXPECT_TRUE(json["knobs"][0]["max"].is_null());
  EXPECT_EQ(json["knobs"][0]["value"], "0.9");
  const auto short_form = json_of(view, TrainerDetail::kFigures);
  EXPECT_FALSE(short_form.contains("class_names") || short_form.contains("parameters"));
  EXPECT_TRUE(short_form.contains("knobs"));
}

TEST(CommandJson, UsesTheSchemasWords) {
  v1::ControlCommand command;
  command.set_command_id("0123");
  command.set_type(v1::SET_KNOB);
  command.set_state(v1::COMMAND_APPLIED);
  (*command.mutable_parameters())["name"] = "momentum";
  (*command.mutable_parameters())["value"] = "0.5";
  command.set_applied_step(7);
  auto json = nlohmann::json::parse(command_json("r/t", command, kNow));
  EXPECT_EQ(json["run"], "r");
  EXPECT_EQ(json["trainer"], "t");
  EXPECT_EQ(json["type"], "SET_KNOB");
  EXPECT_EQ(json["name"], "momentum");
  EXPECT_EQ(json["value"], "0.5");
  EXPECT_EQ(json["state"], "APPLIED");
  EXPECT_EQ(json["applied_step"], 7);
  EXPECT_EQ(json["timestamp_ms"], kNow);
  command.set_type(v1::PAUSE_TRAINING);
  command.clear_parameters();
  json = nlohmann::json::parse(command_json("r/t", command, 0));
  EXPECT_TRUE(json["name"].is_null() && json["value"].is_null() && json["timestamp_ms"].is_null());
  command.set_type(v1::CHANGE_LEARNING_RATE);
  EXPECT_EQ(nlohmann::json::parse(command_json("r/t", command, 0))["name"], "learning_rate");
}

}  // namespace
}  // namespace trainbus
