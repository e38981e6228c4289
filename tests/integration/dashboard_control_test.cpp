// Commands over HTTP.

#include <gmock/gmock.h>

#include <thread>

#include "tests/support/running_dashboard.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using test::DashboardTest;
using test::eventually;
using test::get;
using test::post;
using ::testing::HasSubstr;

TEST_F(DashboardTest, ACommandIsAcceptedAndItsEndIsKnown) {
  const auto port = serve();
  train(1).run();
  ASSERT_TRUE(knows(1));
  const auto answer = post(port, "/api/trainers/r/t/commands", R"({"type":"CHANGE_LEARNING_RATE","value":"0.001"})");
  ASSERT_EQ(answer.status, 202U) << answer.body;
  const std::string id = answer.json()["command_id"];
  json command;
  EXPECT_TRUE(eventually("the command is applied", [&] {
    const auto found = get(port, "/api/commands/" + id);
    if (found.status == 200) command = found.json();
    return command.value("state", "") == "APPLIED";
  })) << command;
  ASSERT_EQ(command["commands"].size(), 1U);
  EXPECT_EQ(command["commands"][0]["new_value"], "0.001");
  EXPECT_EQ(command["commands"][0]["old_value"], "0.1");
  EXPECT_EQ(command["commands"][0]["issuer"], "dashboard");
  EXPECT_GT(command["commands"][0]["applied_step"], 0);
  EXPECT_EQ(post(port, "/api/trainers/r/*/commands", R"({"type":"PAUSE_TRAINING"})").status, 202U);
  EXPECT_TRUE(is("PAUSED"));
  EXPECT_EQ(post(port, "/api/trainers/r/*/commands", R"({"type":"RESUME_TRAINING"})").status, 202U);
}

TEST_F(DashboardTest, RefusesCommandsOutsideTheirRange) {
  const auto port = serve({.command_burst = 1000});
  train(1);
  ASSERT_TRUE(knows(1));
  for (const auto* body :
       {"", "{", "[]", "{}", R"({"type":"UNKNOWN_COMMAND"})", R"({"type":"CHANGE_LEARNING_RATE"})",
        R"({"type":"CHANGE_LEARNING_RATE","value":"-1"})", R"({"type":"CHANGE_LEARNING_RATE","value":"nan"})",
        R"({"type":"ADJUST_BATCH_SIZE","value":0})", R"({"type":"ADJUST_BATCH_SIZE","value":{}})"})
    EXPECT_EQ(post(port, "/api/trainers/r/t/commands", body).status, 400U) << body;
  EXPECT_EQ(post(port, "/api/trainers/r/other/commands", R"({"type":"PAUSE_TRAINING"})").status, 404U);
  EXPECT_EQ(post(port, "/api/trainers/other/*/commands", R"({"type":"PAUSE_TRAINING"})").status, 404U);
}

TEST_F(DashboardTest, AKnobIsSetAndAnActionIsAskedForOverHttp) {
  const auto port = serve();
  Producer producer({.run = "r", .trainer = "t", .broker = broker_.address()});
  producer.on_number({.name = "weight_decay", .min = 0.0, .max = 0.1}, 0.01, [](double value) {
    return Applied{0.01, value};
  });
  producer.on_action({.name = "save_checkpoint"}, [] { return Applied{std::string("at ckpt.pt")}; });
  producer.start({});
  std::jthread loop([&](const std::stop_token& over) {
    while (!over.stop_requested() && producer.step()) {
      producer.log_batch({.loss = 1});
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  ASSERT_TRUE(knows(1));
  const auto ends = [&](const std::string& body) {
    const auto answer = post(port, "/api/trainers/r/t/commands", body);
    EXPECT_EQ(answer.status, 202U) << answer.body;
    json command;
    EXPECT_TRUE(eventually("the command ends", [&] {
      command = get(port, "/api/commands/" + answer.json()["command_id"].get<std::string>()).json();
      return command["state"] == "APPLIED" || command["state"] == "REJECTED";
    })) << command;
    return command["commands"][0];
  };
  const auto set = ends(R"({"type":"SET_KNOB","name":"weight_decay","value":"0.05"})");
  EXPECT_EQ(set["state"], "APPLIED");
  EXPECT_EQ(set["name"], "weight_decay");
  EXPECT_EQ(set["new_value"], "0.05");
  EXPECT_EQ(ends(R"({"type":"SET_KNOB","name":"save_checkpoint"})")["new_value"], "at ckpt.pt");
  const auto refused = ends(R"({"type":"SET_KNOB","name":"weight_decay","value":"7"})");
  EXPECT_EQ(refused["state"], "REJECTED");
  EXPECT_THAT(refused["reason"].get<std::string>(), HasSubstr("from 0 to 0.1"));
  for (const auto* body :
       {R"({"type":"SET_KNOB"})", R"({"type":"SET_KNOB","name":7})", R"({"type":"SET_KNOB","name":"a b"})"})
    EXPECT_EQ(post(port, "/api/trainers/r/t/commands", body).status, 400U) << body;
  EXPECT_EQ(get(port, "/api/trainers").json()["trainers"][0]["knobs"][0]["name"], "weight_decay");
}

TEST_F(DashboardTest, SaysThatTheBrokerIsAway) {
  const auto port = serve();
  train(1);
  ASSERT_TRUE(knows(1));
  broker_.stop();
  EXPECT_EQ(post(port, "/api/trainers/r/t/commands", R"({"type":"PAUSE_TRAINING"})").status, 503U);
  EXPECT_TRUE(eventually("it knows", [&] { return get(port, "/healthz").json()["broker_connected"] == false; }));
  EXPECT_TRUE(is("UNREACHABLE"));
  broker_.start();
  EXPECT_TRUE(eventually("it is back", [&] { return get(port, "/healthz").json()["broker_connected"] == true; }));
}

}  // namespace
}  // namespace trainbus
