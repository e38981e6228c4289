// The load generator as a program, against the real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::Process;
using test::RunningBroker;

TEST(Loadgen, WhatItSaysIsStoredIsInTheJournal) {
  RunningBroker broker;
  Process load("trainbus-loadgen", {"--broker", broker.address(), "--run", "r", "--trainers", "3", "--batch-rate",
                                    "100", "--epoch-every", "20", "--seconds", "0.5", "--json"});
  ASSERT_EQ(load.wait(seconds(20)), 0) << load.output();
  const auto json = nlohmann::json::parse(load.output());
  std::map<std::string, std::uint64_t> said;
  ASSERT_EQ(json["trainers"].size(), 3u);
  for (const auto& trainer : json["trainers"]) {
    for (const auto& [kind, counts] : trainer["records"].items()) {
      EXPECT_EQ(counts["produced"], counts["stored"]);
      if (counts["stored"] != 0) said[kind] += counts["stored"].get<std::uint64_t>();
    }
  }
  EXPECT_GT(said["batch"], 0u);
  EXPECT_EQ(said["status"], 6u);
  EXPECT_EQ(json["totals"]["batch"]["stored"], said["batch"]);

  std::map<std::string, std::uint64_t> found;
  Consumer consumer({.broker = broker.address()});
  EXPECT_TRUE(eventually("the journal has as many", [&] {
    while (const Record* record = consumer.next(milliseconds(10)))
      ++found[std::string(kind_name(record->topic.kind))];
    return found == said;
  }));
}

TEST(Loadgen, NamedValuesAndMediaAreInTheJournalToo) {
  RunningBroker broker;
  Process load("trainbus-loadgen",
               {"--broker", broker.address(), "--run", "r", "--batch-rate", "100", "--epoch-every", "10", "--seconds",
                "0.6", "--scalars", "12", "--media", "--nan-every", "7", "--json"});
  ASSERT_EQ(load.wait(seconds(20)), 0) << load.output();
  const auto json = nlohmann::json::parse(load.output());
  const auto& records = json["trainers"][0]["records"];
  EXPECT_EQ(records["media"]["produced"], 4 * records["epoch"]["produced"].get<std::uint64_t>());
  EXPECT_EQ(records["media"]["stored"], records["media"]["produced"]);
  EXPECT_EQ(json["totals"]["values_refused"], 0);
  EXPECT_EQ(json["totals"]["media_refused"], 0);

  const auto media = records["media"]["stored"].get<std::uint64_t>();
  const auto batches = records["batch"]["stored"].get<std::uint64_t>();
  ASSERT_GE(media, 4u);
  std::set<int> contents;
  std::uint64_t found_media = 0, found_batches = 0, not_numbers = 0;
  Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_BATCH, v1::KIND_MEDIA}});
  EXPECT_TRUE(eventually("the journal has as many", [&] {
    while (const Record* record = consumer.next(milliseconds(10))) {
      if (record->topic.kind == v1::KIND_MEDIA) {
        ++found_media;
        contents.insert(record->message.media_data().content_case());
        continue;
      }
      ++found_batches;
      EXPECT_EQ(record->message.batch_data().scalars_size(), 12);
      if (std::isnan(record->message.batch_data().batch_loss())) ++not_numbers;
    }
    return found_media == media && found_batches == batches;
  }));
  EXPECT_EQ(contents.size(), 4u);
  EXPECT_EQ(not_numbers, batches / 7);
}

TEST(Loadgen, ObeysPauseAndStop) {
  RunningBroker broker;
  Process load("trainbus-loadgen", {"--broker", broker.address(), "--run", "r", "--batch-rate", "100"});
  ControlClient control(broker.address());
  const auto command = [&](v1::CommandType type) {
    v1::ControlCommand issued;
    issued.set_type(type);
    issued.set_command_id(new_command_id());
    EXPECT_TRUE(control.issue("r/t0", issued, seconds(30)));
    EXPECT_TRUE(eventually("applied", [&] {
      const auto found = control.find(issued.command_id(), seconds(30));
      return found && !found->commands.empty() && found->commands[0].command().state() == v1::COMMAND_APPLIED;
    }));
  };
  ASSERT_TRUE(eventually("a trainer is there", [&] {
    const auto list = control.list("r", seconds(30));
    return list && list->trainers_size() == 1;
  }));
  command(v1::PAUSE_TRAINING);
  load.output();
  ASSERT_TRUE(load.wait_for("paused 1"));
  command(v1::STOP_TRAINING);
  EXPECT_EQ(load.wait(seconds(10)), 0) << load.output();
}

TEST(Loadgen, EndsSoonWhenInterruptedAndSaysThatNothingWasStored) {
  Process load("trainbus-loadgen", {"--broker", "tcp://127.0.0.1:1", "--batch-rate", "100"});
  ASSERT_TRUE(load.wait_for("connected 0/1"));
  load.signal(SIGTERM);
  EXPECT_EQ(load.wait(seconds(2)), 1);
  EXPECT_THAT(load.output(), testing::HasSubstr("not everything was stored by tcp://127.0.0.1:1"));
}

TEST(Loadgen, NamesAFlagThatIsWrong) {
  for (const auto& [flag, value] : {std::pair("--broker", "here"), std::pair("--run", "a b"),
                                    std::pair("--trainers", "0"), std::pair("--tile-size", "4000")}) {
    Process load("trainbus-loadgen", {flag, value});
    EXPECT_EQ(load.wait(seconds(5)), 2) << flag;
    EXPECT_THAT(load.output(), testing::HasSubstr(flag));
  }
}

}  // namespace
}  // namespace trainbus
