// trainbus-log beside a real broker: every record once and in order, through every kind of sudden end.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "consumers/log/files/file_parts.hpp"
#include "support/eventually.hpp"
#include "support/plain_trainer.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "trainbus/control_client.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::PlainTrainer;
using test::Process;

// The sequences of one trainer's batches, in the order of the file's whole lines.
std::vector<std::uint64_t> jsonl_sequences(const std::string& path, const std::string& trainer = "t0") {
  std::vector<std::uint64_t> found;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const auto record = nlohmann::json::parse(line);
    if (record.at("kind") == "batch" && record.at("trainer") == trainer) found.push_back(record.at("sequence"));
  }
  return found;
}

std::vector<std::uint64_t> csv_sequences(const std::string& path, const std::string& trainer = "t0") {
  std::vector<std::uint64_t> found;
  std::ifstream file(path);
  const std::string start = "r," + trainer + ',' + std::to_string(test::kSampleIncarnation) + ',';
  for (std::string line; std::getline(file, line) && !file.eof();)
    if (line.starts_with(start)) found.push_back(std::stoull(line.substr(start.size())));
  return found;
}

std::vector<std::uint64_t> up_to(std::uint64_t last) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t sequence = 1; sequence <= last; ++sequence)
    all.push_back(sequence);
  return all;
}

std::size_t lines_of(const std::string& path) {
  std::ifstream file(path);
  return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

class LogBus : public testing::Test {
 protected:
  std::vector<std::string> flags(std::vector<std::string> more) const {
    more.insert(more.begin(), {"--broker", address_});
    return more;
  }
  // What a PUB socket has sent may be under way for long.
  testing::AssertionResult stored(std::uint64_t records) const {
    ControlClient broker(address_);
    return eventually("all is stored", [&] {
      const auto stats = broker.stats(30s);
      return stats && stats->counters().at("journal_records_total") >= records;
    });
  }
  std::vector<std::string> both_sinks() const { return flags({"--sink", "jsonl:" + jsonl_, "--sink", "csv:" + csv_}); }

  test::TempDir dir_;
  const std::string jsonl_ = dir_ / "x.jsonl";
  const std::string csv_ = dir_ / "x";
  const std::string batch_csv_ = dir_ / "x/batch.csv";
  Process broker_{"trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", dir_ / "state"}};
  const std::string address_ = broker_.wait_for("listening on ").value_or("tcp://127.0.0.1:1");
};

TEST_F(LogBus, WritesEveryRecordOnceAndInOrderIntoEverySink) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 500);
  Process log("trainbus-log", both_sinks());
  ASSERT_TRUE(eventually("the history is written", [&] { return lines_of(jsonl_) >= 500; })) << log.output();
  for (std::uint64_t sequence = 501; sequence <= 1000; ++sequence) {
    trainer.publish(test::sample_batch(sequence));
    trainer.publish(test::sample_batch(sequence - 500, "t1"));
  }
  trainer.publish(test::sample_status(1, "two\nlines"));
  const auto all = [&] { return lines_of(jsonl_) >= 1501 && lines_of(batch_csv_) >= 1501; };
  ASSERT_TRUE(eventually("live records are written", all)) << log.output();
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 0) << log.output();
  EXPECT_EQ(jsonl_sequences(jsonl_), up_to(1000));
  EXPECT_EQ(csv_sequences(batch_csv_), up_to(1000));
  EXPECT_EQ(jsonl_sequences(jsonl_, "t1"), up_to(500));
  EXPECT_EQ(csv_sequences(batch_csv_, "t1"), up_to(500));
  EXPECT_EQ(lines_of(csv_ + "/status.csv"), 3U) << "a header, and a message of two lines";
}

TEST_F(LogBus, GoesOnExactlyOnceAfterAKillAndAHalfLine) {
  PlainTrainer trainer(address_);
  std::uint64_t published = 0;
  for (int life = 0; life < 3; ++life) {
    const auto before = lines_of(jsonl_);
    Process log("trainbus-log", both_sinks());
    trainer.publish_batches(published + 1, published + 1000);
    published += 1000;
    ASSERT_TRUE(eventually("some of it is written", [&] { return lines_of(jsonl_) > before; })) << log.output();
    log.signal(SIGKILL);
    ASSERT_EQ(log.wait(20s), 128 + SIGKILL);
    std::ofstream(jsonl_, std::ios::app) << R"({"kind":"batch","run":"r","trai)";
    std::ofstream(batch_csv_, std::ios::app) << "r,t0,18";
  }
  ASSERT_TRUE(stored(published));
  auto last = both_sinks();
  last.emplace_back("--once");
  Process log("trainbus-log", last);
  EXPECT_EQ(log.wait(10s), 0) << log.output();
  EXPECT_EQ(jsonl_sequences(jsonl_), up_to(published));
  EXPECT_EQ(csv_sequences(batch_csv_), up_to(published));
}

// The lines of a log's parts, oldest first, and of the log itself.
std::vector<std::uint64_t> rotated_sequences(const std::string& path, std::size_t& parts) {
  std::vector<std::uint64_t> found;
  const auto there = find_parts(path);
  parts = there.size();
  for (const auto& part : there)
    std::ranges::copy(jsonl_sequences(part.path), std::back_inserter(found));
  std::ranges::copy(jsonl_sequences(path), std::back_inserter(found));
  return found;
}

TEST_F(LogBus, GoesOnExactlyOnceAfterKillsWhileItRotates) {
  std::atomic<bool> training{true};
  std::uint64_t published = 0;
  std::thread trainer([&] {  // goes on, so that each kill is in the middle
    PlainTrainer socket(address_);
    constexpr std::uint64_t kEnough = 10'000;  // a slow disk never catches up with one without an end
    for (; training && published < kEnough; published += 10, std::this_thread::sleep_for(2ms))
      socket.publish_batches(published + 1, published + 10);
    EXPECT_TRUE(stored(published));
  });
  const auto sink = "jsonl:" + jsonl_ + ",rotate=2K";  // ten records a part: hundreds of rotations a life
  std::size_t parts = 0;
  for (int life = 0; life < 5; ++life) {
    Process log("trainbus-log", flags({"--sink", sink}));
    const auto before = find_parts(jsonl_).size();
    EXPECT_TRUE(eventually("it rotates", [&] { return find_parts(jsonl_).size() > before + 20; })) << log.output();
    log.signal(SIGKILL);
    EXPECT_EQ(log.wait(20s), 128 + SIGKILL);
  }
  training = false;
  trainer.join();
  Process log("trainbus-log", flags({"--sink", sink, "--once"}));
  EXPECT_EQ(log.wait(20s), 0) << log.output();
  EXPECT_EQ(rotated_sequences(jsonl_, parts), up_to(published));
  EXPECT_GT(parts, 100U);
}

TEST_F(LogBus, WritesOnlyWhatTheFiltersAskForAndEndsWithOnce) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 20);
  trainer.publish_batches(1, 20, "t1");
  trainer.publish(test::sample_status(1, "m"));
  const auto run = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--once", "--sink", "jsonl:" + jsonl_});
    Process log("trainbus-log", flags(std::move(more)));
    EXPECT_EQ(log.wait(10s), 0) << log.output();
    return lines_of(jsonl_);
  };
  ASSERT_TRUE(eventually("all is stored", [&] { return run({}) == 41; }));
  std::filesystem::remove(jsonl_);
  EXPECT_EQ(run({"--run", "another"}), 0U);
  EXPECT_EQ(run({"--run", "r", "--trainer", "t1", "--kind", "batch"}), 20U);
  EXPECT_EQ(run({"--kind", "status"}), 21U);
  EXPECT_EQ(run({}), 41U) << "the rest is added";
  EXPECT_EQ(run({}), 41U) << "nothing twice";
}

TEST_F(LogBus, FetchesWhatAFailedSinkMissedWhileTheOthersGoOn) {
  PlainTrainer trainer(address_);
  auto only_batches = both_sinks();  // its failure is an alert, and a record too
  only_batches.insert(only_batches.end(), {"--kind", "batch"});
  Process log("trainbus-log", only_batches);
  trainer.publish_batches(1, 100);
  ASSERT_TRUE(eventually("both have all", [&] { return lines_of(batch_csv_) == 101 && lines_of(jsonl_) == 100; }));
  std::filesystem::rename(csv_, csv_ + ".away");
  std::ofstream(csv_) << "no folder";
  ASSERT_TRUE(log.wait_for("csv failed: ")) << log.output();
  trainer.publish_batches(101, 150);
  ASSERT_TRUE(eventually("the other goes on", [&] { return lines_of(jsonl_) == 150; })) << log.output();
  std::filesystem::remove(csv_);
  std::filesystem::rename(csv_ + ".away", csv_);
  ASSERT_TRUE(eventually("it comes back", [&] { return lines_of(batch_csv_) == 151; })) << log.output();
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 0) << log.output();
  EXPECT_EQ(jsonl_sequences(jsonl_), up_to(150));
  EXPECT_EQ(csv_sequences(batch_csv_), up_to(150));
}

TEST_F(LogBus, GivesEachSinkWhatItsOwnFiltersAskFor) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 25);
  trainer.publish_batches(1, 25, "t1");
  trainer.publish(test::sample_status(1, "m"));
  Process log("trainbus-log", flags({"--sink", "jsonl:" + jsonl_ + ",trainer=*1,every=10", "--sink",
                                     "jsonl:" + jsonl_ + ".status,kinds=status", "--trainer", "t0", "--run", "r"}));
  const auto read = [&] { return lines_of(jsonl_) == 3 && lines_of(jsonl_ + ".status") == 1; };
  EXPECT_TRUE(eventually("both have theirs", read)) << log.output();
  EXPECT_EQ(jsonl_sequences(jsonl_, "t1"), (std::vector<std::uint64_t>{1, 11, 21}));
}

TEST(LogProgram, RefusesAnUnwritableSinkWithOneLine) {
  test::TempDir dir;
  std::filesystem::create_directory(dir / "folder");
  for (const std::string& sink :
       {"jsonl:" + (dir / "absent/x.jsonl"), "jsonl:" + (dir / "folder"), "csv:" + (dir / "absent/x")}) {
    Process log("trainbus-log", {"--sink", sink});
    EXPECT_EQ(log.wait(5s), 1) << sink;
    EXPECT_EQ(std::count(log.output().begin(), log.output().end(), '\n'), 1) << log.output();
    EXPECT_NE(log.output().find(sink), std::string::npos) << log.output();
  }
}

TEST(LogProgram, CallsWrongFlagsBadUsage) {
  for (const std::vector<std::string>& flags : {std::vector<std::string>{},
                                                {"--sink", "parquet:x"},
                                                {"--sink", "jsonl:"},
                                                {"--sink", "csv:x", "--kind", "tiles"},
                                                {"--sink", "csv:x", "--trainer", "t0"}}) {
    Process log("trainbus-log", flags);
    EXPECT_EQ(log.wait(5s), 2) << log.output();
    EXPECT_EQ(std::count(log.output().begin(), log.output().end(), '\n'), 1) << log.output();
  }
}

TEST(LogProgram, SaysWhenNoBrokerAnswersAndStillEndsQuickly) {
  test::TempDir dir;
  Process log("trainbus-log", {"--broker", "tcp://127.0.0.1:1", "--sink", "jsonl:" + (dir / "x.jsonl")});
  EXPECT_TRUE(log.wait_for("waiting for the broker at tcp://127.0.0.1:1")) << log.output();
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 0) << log.output();
}

}  // namespace
}  // namespace trainbus
