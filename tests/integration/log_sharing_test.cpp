// trainbus-log beside others: a sink that cannot be opened, logrotate, pipes, and whoever reads the list of processes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/eventually.hpp"
#include "support/plain_trainer.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/web_client.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::eventually;
using test::PlainTrainer;
using test::Process;
using testing::HasSubstr;
using testing::Not;

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::size_t lines_of(const std::string& path) {
  const auto text = content(path);
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// The sequences of t0's batches in whole lines of JSON.
std::vector<std::uint64_t> sequences_in(const std::string& text) {
  std::vector<std::uint64_t> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && !lines.eof();)
    found.push_back(nlohmann::json::parse(line).at("sequence"));
  return found;
}

std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> all;
  for (; from <= to; ++from)
    all.push_back(from);
  return all;
}

class SharedLog : public testing::Test {
 protected:
  std::vector<std::string> flags(std::vector<std::string> more) const {
    more.insert(more.begin(), {"--broker", address_, "--state-dir", dir_ / "positions", "--kind", "batch"});
    return more;
  }
  // A command line for a shell.
  std::string command(const std::vector<std::string>& more) const {
    std::string text = "'" TRAINBUS_BIN "/trainbus-log'";
    for (const auto& flag : flags(more))
      text += " '" + flag + '\'';
    return text;
  }

  test::TempDir dir_;
  const std::string jsonl_ = dir_ / "x.jsonl";
  const std::string batch_csv_ = dir_ / "x/batch.csv";
  Process broker_{"trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", dir_ / "state"}};
  const std::string address_ = broker_.wait_for("listening on ").value_or("tcp://127.0.0.1:1");
};

TEST_F(SharedLog, ASinkThatCannotBeOpenedAtTheStartStopsNoOther) {
  fs::create_directory(dir_ / "x");
  std::ofstream(batch_csv_) << "rows without a header\n";
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 100);
  Process log("trainbus-log",
              flags({"--sink", "csv:" + (dir_ / "x"), "--sink", "jsonl:" + jsonl_, "--metrics", "127.0.0.1:0"}));
  const auto port = log.wait_for("metrics at http://127.0.0.1:");
  ASSERT_TRUE(port) << log.output();
  ASSERT_TRUE(log.wait_for("--sink csv:" + (dir_ / "x") + " cannot be written: ")) << log.output();
  ASSERT_TRUE(eventually("the other writes", [&] { return lines_of(jsonl_) == 100; })) << log.output();
  const auto metrics = [&] { return test::get(static_cast<std::uint16_t>(std::stoi(*port)), "/metrics").body; };
  EXPECT_THAT(metrics(), HasSubstr("trainbus_log_sink_up{sink=\"csv\"} 0\n"));
  Process tail("trainbus-ctl", {"--broker", address_, "tail", "--history", "--kind", "alert"});
  EXPECT_TRUE(tail.wait_for("sink csv: ")) << tail.output();
  EXPECT_EQ(content(batch_csv_), "rows without a header\n") << "left as it is";

  fs::remove(batch_csv_);
  ASSERT_TRUE(eventually("it has all", [&] { return lines_of(batch_csv_) == 101; })) << log.output();
  ASSERT_TRUE(eventually("it is up", [&] { return metrics().find("up{sink=\"csv\"} 1\n") != std::string::npos; }));
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 0) << log.output();
}

TEST_F(SharedLog, WithOnceTheOthersAreWrittenAndTheExitCodeTells) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 100);
  std::ofstream(dir_ / "x") << "no folder";
  ASSERT_TRUE(eventually("all is stored", [&] {
    Process log("trainbus-log", flags({"--once", "--sink", "csv:" + (dir_ / "x"), "--sink", "jsonl:" + jsonl_, "--sink",
                                       "jsonl:/dev/full"}));
    EXPECT_EQ(log.wait(15s), 1) << log.output();
    EXPECT_THAT(log.output(), HasSubstr("trainbus-log: csv failed: "));
    EXPECT_THAT(log.output(), HasSubstr("trainbus-log: jsonl-2 failed: "));
    EXPECT_THAT(log.output(), Not(HasSubstr("trainbus-log: jsonl failed: ")));
    return lines_of(jsonl_) == 100;
  }));
}

TEST_F(SharedLog, WhenNoneCanBeOpenedTheProgramEnds) {
  Process log("trainbus-log",
              flags({"--sink", "csv:" + (dir_ / "absent/x"), "--sink", "jsonl:" + (dir_ / "absent/y")}));
  EXPECT_EQ(log.wait(5s), 1);
  EXPECT_THAT(log.output(), HasSubstr("absent/x cannot be written: "));
  EXPECT_THAT(log.output(), HasSubstr("absent/y cannot be written: "));
  EXPECT_EQ(std::ranges::count(log.output(), '\n'), 2) << log.output();
}

TEST_F(SharedLog, LosesAndRepeatsNothingWhileLogrotateCopiesAndTruncates) {
  PlainTrainer trainer(address_);
  const auto sinks = flags({"--sink", "jsonl:" + jsonl_, "--sink", "csv:" + (dir_ / "x")});
  std::string copied;
  auto log = std::make_unique<Process>("trainbus-log", sinks);
  for (std::uint64_t turn = 0; turn < 4; ++turn) {
    trainer.publish_batches(turn * 50 + 1, turn * 50 + 50);
    ASSERT_TRUE(eventually("both have this turn", [&] { return lines_of(jsonl_) == 50 && lines_of(batch_csv_) == 51; }))
        << log->output();
    EXPECT_THAT(content(batch_csv_), testing::StartsWith("run,trainer,")) << turn;
    copied += content(jsonl_);
    fs::resize_file(jsonl_, 0);
    fs::resize_file(batch_csv_, 0);
    if (turn % 2 == 0) continue;
    log->signal(SIGTERM);
    EXPECT_EQ(log->wait(2s), 0) << log->output();
    log = std::make_unique<Process>("trainbus-log", sinks);
  }
  trainer.publish_batches(201, 201);
  ASSERT_TRUE(eventually("both go on", [&] { return lines_of(jsonl_) == 1 && lines_of(batch_csv_) == 2; }));
  EXPECT_EQ(sequences_in(copied + content(jsonl_)), range(1, 201));
}

TEST_F(SharedLog, WritesToStandardOutputAndToFilesThatItIs) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 100);
  for (const std::string path : {"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    ASSERT_TRUE(eventually("all is stored", [&] {
      std::ofstream(dir_ / "out") << "{\"sequence\":0}\n";
      Process log("/bin/sh", {"-c", command({"--sink", "jsonl:" + path, "--once"}) + " >> " + (dir_ / "out")});
      EXPECT_EQ(log.wait(15s), 0) << log.output();
      return lines_of(dir_ / "out") == 101;
    })) << path;
    EXPECT_EQ(sequences_in(content(dir_ / "out")), range(0, 100)) << path << ": records only, after what was there";
  }
  EXPECT_FALSE(fs::exists("-"));
  for (const std::string path : {"/dev/null", "/dev/stderr"}) {
    Process log("/bin/sh", {"-c", command({"--sink", "jsonl:" + path, "--once"}) + " 2> " + (dir_ / "err")});
    EXPECT_EQ(log.wait(15s), 0) << path;
  }
}

TEST_F(SharedLog, EndsByItselfAndExitsOneWhenTheReaderOfStandardOutputLeaves) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 5000);
  Process log("/bin/bash", {"-c", command({"--sink", "jsonl:-"}) + " | head -n 1; echo \"code ${PIPESTATUS[0]}\""});
  trainer.publish_batches(5001, 5100);
  ASSERT_TRUE(log.wait_for("\"sequence\":1,")) << log.output();
  trainer.publish_batches(5101, 20000);  // more than any pipe holds
  EXPECT_EQ(log.wait_for("code "), "1") << log.output();
  EXPECT_THAT(log.output(), HasSubstr("jsonl has ended: '-': its reader has closed it"));
}

TEST_F(SharedLog, GoesOnInTheOtherSinksWhenTheReaderOfOneLeaves) {
  PlainTrainer trainer(address_);
  Process log("/bin/bash",
              {"-c", "exec " + command({"--sink", "jsonl:-", "--sink", "jsonl:" + jsonl_}) + " > >(true)"});
  std::uint64_t published = 0;
  ASSERT_TRUE(eventually("the pipe is over", [&] {
    trainer.publish_batches(published + 1, published + 10);
    published += 10;
    return log.output().find("jsonl has ended") != std::string::npos;
  })) << log.output();
  trainer.publish_batches(published + 1, published + 10);
  published += 10;
  EXPECT_TRUE(eventually("the other goes on", [&] { return lines_of(jsonl_) == published; })) << log.output();
}

TEST_F(SharedLog, WaitsForTheReaderOfAFifoAndForTheNextOne) {
  const std::string fifo = dir_ / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  PlainTrainer trainer(address_);
  Process log("trainbus-log", flags({"--sink", "jsonl:" + fifo}));
  trainer.publish_batches(1, 20);
  std::string read;
  const auto read_until = [&](std::size_t lines) {
    const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const bool there = eventually("lines come", [&] {
      char buffer[4096];
      for (ssize_t count; (count = ::read(reader, buffer, sizeof buffer)) > 0;)
        read.append(buffer, static_cast<std::size_t>(count));
      return static_cast<std::size_t>(std::ranges::count(read, '\n')) >= lines;
    });
    close(reader);
    return there;
  };
  ASSERT_TRUE(read_until(20)) << log.output();
  trainer.publish_batches(21, 30);
  ASSERT_TRUE(log.wait_for("its reader has closed it")) << log.output();
  ASSERT_TRUE(read_until(30)) << log.output();
  EXPECT_EQ(sequences_in(read), range(1, 30));
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 0) << log.output();
}

TEST(LogProgram, RefusesOptionsOfFilesForAStream) {
  for (const std::string sink :
       {"jsonl:-,rotate=1M", "jsonl:/dev/stdout,compress=zstd", "jsonl:-,fsync=flush", "csv:-", "csv:/dev/stdout"}) {
    Process log("trainbus-log", {"--sink", sink});
    EXPECT_EQ(log.wait(5s), 2) << sink;
    EXPECT_THAT(log.output(), HasSubstr("a stream")) << sink;
  }
}

TEST_F(SharedLog, HidesAPasswordOfItsCommandLine) {
  const std::string secret = "hunter2secret";
  Process log(
      "trainbus-log",
      flags({"--sink", TRAINBUS_BIN "/../test-plugins/faulty_NONE.so:" + (dir_ / "fifo") + ",password=" + secret,
             "--sink", "jsonl:" + jsonl_}));
  ASSERT_TRUE(log.wait_for("a password on the command line can be seen by every user")) << log.output();
  const auto arguments = content("/proc/" + std::to_string(log.pid()) + "/cmdline");
  EXPECT_THAT(arguments, Not(HasSubstr(secret)));
  EXPECT_THAT(arguments, HasSubstr(",password=*************"));
  EXPECT_THAT(log.output(), Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace trainbus
