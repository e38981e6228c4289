// More trainers than files: those that there are files for are served, the others are told why, and `list` answers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/process_meter.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::open_descriptors;
using test::Process;
using ::testing::HasSubstr;

class FileLimit : public ::testing::Test {
 protected:
  // A broker whose shell set these limits.
  void start(const std::string& limits) {
    broker_ = std::make_unique<Process>(
        "/bin/bash", std::vector<std::string>{
                         "-c", limits + "; exec \"$0\"/trainbus-broker --listen tcp://127.0.0.1:* --state-dir \"$1\"",
                         TRAINBUS_BIN, folder_ / "state"});
    address_ = broker_->wait_for("listening on ").value_or("");
    ASSERT_NE(address_, "") << broker_->output();
    room_ = broker_->wait_for("room for about ").value_or("");
    client_ = std::make_unique<ControlClient>(address_);
  }
  double gauge(const std::string& name) {
    const auto stats = client_->stats(10s);
    return stats ? stats->gauges().at(name) : -1;
  }
  v1::Limit limit(const std::string& name) {
    const auto stats = client_->stats(10s);
    if (!stats) return {};
    for (const auto& each : stats->limits())
      if (each.name() == name) return each;
    return {};
  }
  std::unique_ptr<Process> load(int trainers, int seconds) {
    return std::make_unique<Process>(
        "trainbus-loadgen",
        std::vector<std::string>{"--broker", address_, "--trainers", std::to_string(trainers), "--batch-rate", "1",
                                 "--seconds", std::to_string(seconds), "--run", "crowd", "--json"});
  }

  test::TempDir folder_;
  std::unique_ptr<Process> broker_;
  std::string address_, room_;
  std::unique_ptr<ControlClient> client_;
};

TEST_F(FileLimit, TheSoftLimitIsRaisedAndTheRoomIsTold) {
  start("ulimit -Sn 64; ulimit -Hn 600");
  EXPECT_THAT(room_, HasSubstr("trainers (600 files)"));
  const int trainers = std::stoi(room_);
  EXPECT_GT(trainers, 250);  // one file is enough for a trainer
  EXPECT_LT(trainers, 400);
  EXPECT_EQ(limit("open_files").bound(), 600);
}

TEST_F(FileLimit, WithMoreTrainersThanFilesListAnswersTheRestIsToldAndAllIsWellAfterwards) {
  start("ulimit -n 220");
  const auto crowd = load(160, 12);
  std::chrono::milliseconds slowest{0};
  ASSERT_TRUE(eventually(
      "trainers are refused",
      [&] {
        const auto asked = std::chrono::steady_clock::now();
        ControlClient newcomer(address_);  // a connection of its own, as trainbus-ctl has
        EXPECT_TRUE(newcomer.list("", 10s).has_value());
        slowest = std::max(
            slowest, std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - asked));
        return gauge("trainers_refused") > 0;
      },
      20s, 200ms));
  EXPECT_TRUE(limit("open_files").biting());
  EXPECT_GT(limit("open_files").met_total(), 0U);
  // A connection that is being closed counts until that is told.
  EXPECT_TRUE(eventually("no more files than there may be", [&] { return limit("open_files").value() <= 220; }));
  EXPECT_LE(open_descriptors(broker_->pid()), 220);
  EXPECT_THAT(limit("open_files").policy(), HasSubstr("refused"));
  EXPECT_TRUE(broker_->wait_for("the limit of open_files (220 files) was met")) << broker_->output();
  Consumer alerts({.broker = address_, .kinds = {v1::KIND_ALERT}});
  EXPECT_TRUE(eventually("the alert is there", [&] {
    const auto* record = alerts.next(10ms);
    return record != nullptr && record->message.alert().rule() == "limit" && record->message.alert().active() &&
           record->message.alert().message().find("open_files") != std::string::npos;
  }));
  std::cout << "slowest list: " << slowest.count() << " ms" << std::endl;

  ASSERT_TRUE(crowd->wait(60s).has_value());
  Producer trainer({.run = "r", .trainer = "t", .broker = address_, .spool_dir = ""});
  trainer.log_batch({.epoch = 1, .batch = 0, .loss = 1});
  EXPECT_TRUE(eventually("a trainer is served", [&] { return trainer.counters().stored == 1; }));
}

// As many as fit are stored; each of the others is told why it is not.
TEST_F(FileLimit, AsManyAsFitAreStoredAndTheOthersAreToldWhyNot) {
  constexpr std::size_t kTrainers = 140;
  start("ulimit -n 160");
  const auto room = static_cast<std::size_t>(std::stoi(room_));
  ASSERT_LT(room, kTrainers);
  const auto crowd = load(kTrainers, 600);
  EXPECT_TRUE(crowd->wait_for("the broker refuses this trainer: no room: this broker may open 160 files", 60s))
      << crowd->output();
  const auto stored = [&] {
    const auto list = client_->list("crowd", 10s);
    return list ? static_cast<std::size_t>(
                      std::ranges::count_if(list->trainers(), [](const auto& one) { return one.records() > 1; }))
                : 0;
  };
  EXPECT_TRUE(eventually(
      "each is stored or refused",
      [&] { return stored() >= room && static_cast<double>(stored()) + gauge("trainers_refused") >= kTrainers; }, 90s,
      200ms))
      << stored() << " stored, " << gauge("trainers_refused") << " refused, room for " << room;
  EXPECT_LE(limit("open_files").value(), 160);
  EXPECT_LE(open_descriptors(broker_->pid()), 160);
}

// Connections that say nothing hold no file that somebody needs.
TEST_F(FileLimit, SilentConnectionsToTheControlPortMakeWay) {
  start("ulimit -n 160");
  zmq::context_t context;
  std::vector<zmq::socket_t> silent;
  for (int i = 0; i < 200; ++i) {
    silent.emplace_back(context, zmq::socket_type::dealer);
    silent.back().set(zmq::sockopt::linger, 0);
    silent.back().connect(parse_endpoints(address_).control());
  }
  for (int i = 0; i < 10; ++i) {
    ControlClient newcomer(address_);
    EXPECT_TRUE(newcomer.list("", 20s).has_value()) << i;
  }
}

}  // namespace
}  // namespace trainbus
