// Chaos: real processes under load are killed, stopped and started again in random order. The oracle: every record that
// log_* accepted is in the journal and in the JSONL file exactly once, in order. The seed is printed and can be given
// by TRAINBUS_CHAOS_SEED; TRAINBUS_CHAOS_KILLS sets the number of kills. Every broker and every trainer starts under a
// clock that is off by up to an hour, two trainers of one name are alive at once, and the state folder is moved away
// and put back under load.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;

int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::stoi(text) : otherwise;
}

struct Notes {
  std::uint64_t incarnation = 0;
  std::uint64_t accepted = 0;
};

class ChaosTest : public testing::Test {
 protected:
  static constexpr int kTrainers = 8;
  static constexpr int kNames = 6;  // so two names have two trainers each
  static constexpr int kRateHz = 100;
  using Start = std::function<std::unique_ptr<Process>()>;
  struct Role {
    std::string name;
    Start start;
    std::unique_ptr<Process> process;
  };

  ChaosTest()
      : seed_(
            static_cast<unsigned>(number_from("TRAINBUS_CHAOS_SEED", static_cast<int>(std::random_device{}() >> 1)))) {
    std::cout << "TRAINBUS_CHAOS_SEED=" << seed_ << std::endl;
    random_.seed(seed_);
    first_ = start_broker("tcp://127.0.0.1:*");
    const auto address = first_->wait_for("listening on ");
    if (!address) throw std::runtime_error("the broker did not start: " + first_->output());
    address_ = *address;
  }

  // Under a clock that is wrong; durations are right.
  std::unique_ptr<Process> start_off_time(const std::string& program, std::vector<std::string> arguments) {
    const int off_seconds = std::uniform_int_distribution<int>(-3600, 3600)(random_);
    const std::string off = (off_seconds < 0 ? "" : "+") + std::to_string(off_seconds) + "s";
    // Not by the program faketime: it stays the parent, and a kill would reach it alone.
    arguments.insert(arguments.begin(), {"LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1", "FAKETIME=" + off,
                                         "FAKETIME_DONT_FAKE_MONOTONIC=1", TRAINBUS_BIN "/" + program});
    return std::make_unique<Process>("/usr/bin/env", std::move(arguments));
  }
  std::unique_ptr<Process> start_broker(const std::string& listen) {
    return start_off_time("trainbus-broker", {"--listen", listen, "--state-dir", folder_ / "state"});
  }
  std::unique_ptr<Process> start_log() {
    return std::make_unique<Process>(
        "trainbus-log", std::vector<std::string>{"--broker", address_, "--sink", "jsonl:" + (folder_ / "log.jsonl")});
  }
  std::unique_ptr<Process> start_dashboard() {
    return std::make_unique<Process>(
        "trainbus-dashboard", std::vector<std::string>{"--broker", address_, "--listen", "127.0.0.1:0", "--no-login"});
  }
  // Each life of a trainer notes what was accepted in a file of its own.
  std::unique_ptr<Process> start_trainer(int index, int seconds) {
    notes_.push_back(folder_ / ("notes-" + std::to_string(notes_.size())));
    return start_off_time("trainbus-chaos-trainer",
                          {notes_.back(), address_, "chaos", "t" + std::to_string(index), folder_ / "spool",
                           std::to_string(kRateHz), std::to_string(seconds)});
  }

  int pick(std::size_t below) {
    return static_cast<int>(std::uniform_int_distribution<std::size_t>(0, below - 1)(random_));
  }
  void pause_at_random() {
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + pick(250)));  // the load's time, not a wait
  }

  void kill_and_restart(Role& role) {
    role.process->signal(SIGKILL);
    ASSERT_TRUE(role.process->wait(5s));
    if (pick(2) == 0) pause_at_random();
    role.process = role.start();
  }
  void stop_and_continue(Role& role) {
    role.process->signal(SIGSTOP);
    pause_at_random();
    role.process->signal(SIGCONT);
  }

  // While it is away nothing is acknowledged; put back, the broker goes on with it.
  void move_state_folder(Role& broker) {
    ASSERT_TRUE(broker.process->wait_for("room for ")) << broker.process->output();
    std::filesystem::rename(folder_ / "state", folder_ / "elsewhere");
    pause_at_random();
    std::filesystem::rename(folder_ / "elsewhere", folder_ / "state");
  }

  // accepted[incarnation] of every life there was.
  std::map<std::uint64_t, std::uint64_t> accepted() const {
    std::map<std::uint64_t, std::uint64_t> accepted;
    for (const auto& path : notes_) {
      Notes notes;
      std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&notes), sizeof notes);
      if (notes.incarnation != 0) accepted[notes.incarnation] = notes.accepted;
    }
    return accepted;
  }

  using Heads =
      std::map<std::uint64_t, std::uint64_t>;  // incarnation -> batches, after checking that they are 1, 2, 3 ...
  Heads batches_in_journal() {
    test::PlainPeer peer(parse_endpoints(address_));
    v1::FetchRequest request;
    request.add_kinds(v1::KIND_BATCH);
    Heads heads;
    for (bool at_end = false; !at_end;) {
      const auto reply = peer.fetch(request);
      EXPECT_EQ(reply.lost_size(), 0) << reply.ShortDebugString().substr(0, 200);
      v1::MetricsRequest message;
      for (const auto& record : reply.records()) {
        EXPECT_TRUE(message.ParseFromString(record.message()));
        EXPECT_EQ(message.sequence(), ++heads[message.incarnation()]) << "incarnation " << message.incarnation();
      }
      if (reply.broker_incarnation() == 0) break;
      request.set_after_position(reply.next_position());
      at_end = reply.at_end();
    }
    return heads;
  }
  Heads batches_in_jsonl() {
    Heads heads;
    std::ifstream file(folder_ / "log.jsonl");
    for (std::string line; std::getline(file, line);) {
      const auto record = nlohmann::json::parse(line, nullptr, false);
      if (record.is_discarded()) {
        ADD_FAILURE() << "not JSON: " << line.substr(0, 100);
        continue;
      }
      if (record.at("kind") == "batch") {
        EXPECT_EQ(record.at("sequence").get<std::uint64_t>(), ++heads[record.at("incarnation").get<std::uint64_t>()]);
      }
    }
    return heads;
  }

  // Nothing accepted is missing. A life that was killed between accepting and noting may have one more.
  static ::testing::AssertionResult holds_all(const Heads& heads,
                                              const std::map<std::uint64_t, std::uint64_t>& accepted) {
    for (const auto& [incarnation, count] : accepted) {
      const auto found = heads.find(incarnation);
      const auto have = found == heads.end() ? 0 : found->second;
      if (have < count || have > count + 1)
        return ::testing::AssertionFailure() << "incarnation " << incarnation << " has " << have << " of " << count;
    }
    return ::testing::AssertionSuccess();
  }

  // The broker is the first victim, where its folder moves.
  void run_chaos(std::vector<Role>& victims, int kills, bool moves) {
    for (int i = 0; i < kills; ++i) {
      pause_at_random();
      if (moves && i % 5 == 4) move_state_folder(victims.front());
      auto& role = victims[static_cast<std::size_t>(pick(victims.size()))];
      if (pick(3) == 0)
        stop_and_continue(role);
      else
        kill_and_restart(role);
    }
  }

  void expect_everything_arrived() {
    const auto promised = accepted();
    std::uint64_t total = 0;
    for (const auto& [incarnation, count] : promised)
      total += count;
    std::cout << promised.size() << " lives of trainers, " << total << " batches accepted" << std::endl;
    EXPECT_GT(total, 0u);
    EXPECT_TRUE(holds_all(batches_in_journal(), promised)) << "journal";
    EXPECT_TRUE(eventually(
        "the log has everything", [&] { return static_cast<bool>(holds_all(batches_in_jsonl(), promised)); }, 30s,
        100ms));
    EXPECT_TRUE(holds_all(batches_in_jsonl(), promised)) << "jsonl";
  }

  const unsigned seed_;
  std::mt19937 random_;
  test::TempDir folder_;
  std::unique_ptr<Process> first_;
  std::string address_;
  std::vector<std::string> notes_;
};

TEST_F(ChaosTest, KillingTheBrokerAndItsConsumersLosesNothing) {
  const int kills = number_from("TRAINBUS_CHAOS_KILLS", 20);
  const int seconds = 5 + kills / 2;
  std::vector<std::unique_ptr<Process>> trainers;
  for (int i = 0; i < kTrainers; ++i)
    trainers.push_back(start_trainer(i % kNames, seconds));
  std::vector<Role> victims;
  victims.push_back({"broker", [this] { return start_broker(address_); }, std::move(first_)});
  victims.push_back({"log", [this] { return start_log(); }, start_log()});
  victims.push_back({"dashboard", [this] { return start_dashboard(); }, start_dashboard()});
  run_chaos(victims, kills, true);
  for (auto& trainer : trainers)
    EXPECT_EQ(trainer->wait(std::chrono::seconds(seconds + 60)), 0) << trainer->output();
  expect_everything_arrived();
}

TEST_F(ChaosTest, KillingTrainersLosesNothingThatWasAccepted) {
  const int kills = number_from("TRAINBUS_CHAOS_KILLS", 20);
  const int seconds = 5 + kills / 2;
  std::vector<Role> victims;
  for (int i = 0; i < kTrainers; ++i) {
    const auto start = [this, i, seconds] { return start_trainer(i % kNames, seconds); };
    victims.push_back({"trainer", start, start()});
  }
  victims.push_back({"broker", [this] { return start_broker(address_); }, std::move(first_)});
  victims.push_back({"log", [this] { return start_log(); }, start_log()});
  run_chaos(victims, kills, false);
  for (auto& role : victims) {
    if (role.name != "trainer") continue;
    EXPECT_EQ(role.process->wait(std::chrono::seconds(seconds + 60)), 0) << role.process->output();
  }
  expect_everything_arrived();
}

}  // namespace
}  // namespace trainbus
