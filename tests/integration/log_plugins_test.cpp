// Sinks in shared objects beside a real broker: refused, failing, hanging, throwing; and what the others notice.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/eventually.hpp"
#include "support/plain_trainer.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/web_client.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::PlainTrainer;
using test::Process;
using testing::HasSubstr;
using testing::Not;

std::string plugin(const std::string& name) { return TRAINBUS_BIN "/../test-plugins/" + name + ".so"; }

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::size_t lines_of(const std::string& path) {
  const auto text = content(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

class LogPlugins : public testing::Test {
 protected:
  std::vector<std::string> flags(std::vector<std::string> more) const {
    more.insert(more.begin(), {"--broker", address_, "--state-dir", dir_ / "positions"});
    return more;
  }
  // Whether the bus says this of the sink; empty: nothing was said.
  std::optional<bool> alerted(const std::string& label, const std::string& rule = "sink_failing") {
    Consumer bus({.broker = address_, .kinds = {v1::KIND_ALERT}, .run = "trainbus", .trainer = "log-" + label});
    std::optional<bool> active;
    for (const test::Patience patience(5s); !bus.caught_up() && !patience.over();)
      while (const auto* record = bus.next(20ms)) {
        EXPECT_EQ(record->message.alert().rule(), rule);
        message_ = record->message.alert().message();
        active = record->message.alert().active();
        alerts_[record->message.alert().alert_id()] = *active;
      }
    return active;
  }

  // A trainbus-log whose sink at PATH fails, which the bus has been told.
  std::unique_ptr<Process> failing(const std::string& path) {
    auto log = std::make_unique<Process>("trainbus-log", flags({"--sink", plugin("throwing") + ":" + path}));
    const auto name = std::filesystem::path(path).filename().string();
    PlainTrainer trainer(address_);
    trainer.publish_batches(1, 10, name);
    EXPECT_TRUE(eventually("it works", [&] { return lines_of(path) >= 10; })) << log->output();
    std::ofstream(path + ".broken") << "";
    trainer.publish_batches(11, 20, name);
    EXPECT_TRUE(log->wait_for("throwing failed: ")) << log->output();
    const auto known = alerts_.size();
    EXPECT_TRUE(eventually("it is said", [&] { return alerted("throwing") == true && alerts_.size() > known; }));
    return log;
  }

  test::TempDir dir_;
  const std::string jsonl_ = dir_ / "x.jsonl";
  const std::string fifo_ = dir_ / "fifo";
  std::string message_;                 // of the newest alert
  std::map<std::string, bool> alerts_;  // by id: whether it is active
  Process broker_{"trainbus-broker", {"--listen", "tcp://127.0.0.1:*", "--state-dir", dir_ / "state"}};
  const std::string address_ = broker_.wait_for("listening on ").value_or("tcp://127.0.0.1:1");
};

TEST(LogPlugin, ThatIsNotForThisProgramIsRefusedWithOneLine) {
  test::TempDir dir;
  struct Refused {
    std::string sink;
    int code;
    std::string why;
  };
  for (const auto& [sink, code, why] :
       {Refused{plugin("faulty_OTHER_ABI") + ":x", 1, "is for sink ABI 42, this trainbus-log has 1"},
        Refused{plugin("faulty_NO_SYMBOL") + ":x", 1, "is no sink, it has no function trainbus_sink()"},
        Refused{plugin("faulty_NO_FUNCTION") + ":x", 1, "lacks a function"},
        Refused{plugin("faulty_OTHER_VERSION") + ":x", 1, "was built with trainbus 0.0.7"},
        Refused{plugin("faulty_HOST_OPTION") + ":x", 1, "its option 'every' is one of trainbus-log itself"},
        Refused{plugin("faulty_NO_LIBRARY") + ":x", 1, "function_of_a_library_that_is_not_there"},
        Refused{plugin("absent") + ":x", 1, "cannot be loaded"},
        Refused{plugin("faulty_NONE") + ":" + (dir / "absent"), 1, "absent': No such file"},
        Refused{plugin("faulty_NONE") + ":refused,password=hunter2", 2, "path 'refused' is refused, password ***"},
        Refused{plugin("faulty_NONE") + ":x,colour=red", 2, "no option 'colour'; there are path, password"},
        Refused{plugin("faulty_NONE"), 2, "option 'path' (FIFO) is missing"}}) {
    Process log("trainbus-log", {"--state-dir", dir / "positions", "--sink", sink});
    EXPECT_EQ(log.wait(5s), code) << sink;
    EXPECT_EQ(std::count(log.output().begin(), log.output().end(), '\n'), 1) << log.output();
    EXPECT_THAT(log.output(), HasSubstr(why));
    EXPECT_THAT(log.output(), Not(HasSubstr("hunter2")));
  }
}

TEST(LogPlugin, IsFoundByItsNameAndListedWithItsOptions) {
  test::TempDir dir;
  std::filesystem::copy_file(plugin("faulty_NONE"), dir / "libtrainbus-sink-mine.so");
  setenv("TRAINBUS_SINK_PATH", dir.path().c_str(), 1);
  Process list("trainbus-log", {"sinks"}), one("trainbus-log", {"sinks", "mine"});
  unsetenv("TRAINBUS_SINK_PATH");
  EXPECT_EQ(list.wait(5s), 0);
  EXPECT_THAT(list.output(), HasSubstr("jsonl:PATH"));
  EXPECT_THAT(list.output(), HasSubstr("for tests (" + (dir / "libtrainbus-sink-mine.so")));
  EXPECT_EQ(one.wait(5s), 0);
  EXPECT_THAT(one.output(), HasSubstr("password=WORD"));
}

TEST_F(LogPlugins, ThatHangsHoldsUpNobodyIsSaidToAndCatchesUp) {
  ASSERT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
  PlainTrainer trainer(address_);
  Process log("trainbus-log",
              flags({"--sink", plugin("faulty_NONE") + ":" + fifo_ + ",name=pipe,kinds=batch", "--sink",
                     "jsonl:" + jsonl_ + ",kinds=batch", "--blocked-after", "2", "--metrics", "127.0.0.1:0"}));
  trainer.publish_batches(1, 500);
  ASSERT_TRUE(eventually("the other has all", [&] { return lines_of(jsonl_) == 500; })) << log.output();
  ASSERT_TRUE(eventually("it is said", [&] { return alerted("pipe") == true; })) << log.output();
  EXPECT_THAT(message_, HasSubstr("write() has not returned for"));
  EXPECT_FALSE(alerted("jsonl"));

  const int reader = open(fifo_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  std::string read;
  EXPECT_TRUE(eventually("it goes on", [&] {
    char buffer[4096];
    for (ssize_t count; (count = ::read(reader, buffer, sizeof buffer)) > 0;)
      read.append(buffer, static_cast<std::size_t>(count));
    return std::count(read.begin(), read.end(), '\n') == 500;
  })) << read;
  EXPECT_THAT(read, testing::StartsWith("batch 1\nbatch 2\n"));
  EXPECT_THAT(read, testing::EndsWith("\nbatch 500\n"));
  EXPECT_TRUE(eventually("it works again", [&] { return alerted("pipe") == false; })) << log.output();
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 0) << log.output();
  close(reader);
}

TEST_F(LogPlugins, ThatHangsWhileItIsOpenedHoldsUpNobody) {
  PlainTrainer trainer(address_);
  Process log("trainbus-log", flags({"--sink", plugin("faulty_NONE") + ":hang-at-open,name=pipe", "--sink",
                                     "jsonl:" + jsonl_, "--kind", "batch", "--blocked-after", "0.5"}));
  trainer.publish_batches(1, 20);
  ASSERT_TRUE(eventually("the other has all", [&] { return lines_of(jsonl_) == 20; })) << log.output();
  EXPECT_TRUE(log.wait_for("pipe: 0 records written, 0 per second, blocked: open() has not returned")) << log.output();
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 1) << log.output();
}

TEST_F(LogPlugins, ThatHangsAtTheEndIsLeftBehind) {
  ASSERT_EQ(mkfifo(fifo_.c_str(), 0600), 0);
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 10);
  Process log("trainbus-log",
              flags({"--sink", plugin("faulty_NONE") + ":" + fifo_ + ",name=pipe", "--sink", "jsonl:" + jsonl_}));
  ASSERT_TRUE(eventually("the other has all", [&] { return lines_of(jsonl_) == 10; })) << log.output();
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(2s), 1);
  EXPECT_THAT(log.output(), HasSubstr("pipe hangs in a call and is left behind"));
}

TEST_F(LogPlugins, ThatThrowsOutOfItsFunctionsIsTriedAgainAndLosesNothing) {
  const auto path = dir_ / "thrown";
  PlainTrainer trainer(address_);
  Process log("trainbus-log",
              flags({"--sink", plugin("throwing") + ":" + path, "--sink", "jsonl:" + jsonl_, "--kind", "batch"}));
  trainer.publish_batches(1, 50);
  ASSERT_TRUE(eventually("both have all", [&] { return lines_of(path) == 50 && lines_of(jsonl_) == 50; }));
  std::ofstream(path + ".broken") << "";
  trainer.publish_batches(51, 80);
  ASSERT_TRUE(log.wait_for("throwing failed: ")) << log.output();
  ASSERT_TRUE(eventually("the other has all", [&] { return lines_of(jsonl_) == 80; })) << log.output();
  ASSERT_TRUE(eventually("it is said", [&] { return alerted("throwing") == true; })) << log.output();
  std::filesystem::remove(path + ".broken");
  ASSERT_TRUE(eventually("it has all", [&] { return content(path).find("\"sequence\":80,") != std::string::npos; }))
      << log.output();
  EXPECT_TRUE(eventually("it is well", [&] { return alerted("throwing") == false; })) << log.output();
  for (int sequence = 1; sequence <= 80; ++sequence)
    EXPECT_THAT(content(path), HasSubstr("\"sequence\":" + std::to_string(sequence) + ','));
}

TEST_F(LogPlugins, ThatFailsWhenTheProgramEndsLeavesNoAlert) {
  const auto path = dir_ / "thrown";
  auto log = failing(path);
  log->signal(SIGTERM);
  EXPECT_EQ(log->wait(2s), 1) << log->output();
  EXPECT_EQ(alerted("throwing"), false);
  EXPECT_THAT(message_, HasSubstr("trainbus-log ended"));
}

TEST_F(LogPlugins, ThatFailedWhenTheProgramWasKilledIsSaidToWorkByItsNextStartOnly) {
  const auto killed = failing(dir_ / "thrown");
  killed->signal(SIGKILL);
  killed->wait(5s);
  const auto other = failing(dir_ / "another");
  ASSERT_TRUE(eventually("both are said", [&] { return alerted("throwing") && alerts_.size() == 2; }));
  EXPECT_THAT(alerts_, testing::Each(testing::Pair(testing::_, true))) << "of a sink with the same name";
  std::filesystem::remove(dir_ / "thrown.broken");
  Process again("trainbus-log", flags({"--sink", plugin("throwing") + ":" + (dir_ / "thrown")}));
  EXPECT_TRUE(eventually("it works", [&] { return alerted("throwing") == false; })) << again.output();
  EXPECT_THAT(message_, HasSubstr("works again"));
  EXPECT_EQ(alerts_.size(), 2U) << "the same alert";
}

TEST_F(LogPlugins, WhosePositionTheHostKeepsGoesOnWhereItWas) {
  const auto path = dir_ / "thrown";
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 20);
  const auto once = [&] {
    Process log("trainbus-log", flags({"--sink", plugin("throwing") + ":" + path, "--once"}));
    EXPECT_EQ(log.wait(5s), 0) << log.output();
    return lines_of(path);
  };
  ASSERT_TRUE(eventually("all is stored", [&] { return once() == 20; }));
  trainer.publish_batches(21, 30);
  ASSERT_TRUE(eventually("the rest is added", [&] { return once() == 30; })) << lines_of(path);
  EXPECT_EQ(once(), 30U) << "nothing twice";
}

// What the README says of linking trainbus_consumer by mistake.
TEST_F(LogPlugins, ThatBringsACopyOfTheClassesStillWorksOrIsRefused) {
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 20);
  Process log("trainbus-log", flags({"--sink", plugin("copying") + ":" + (dir_ / "best"), "--once"}));
  EXPECT_EQ(log.wait(5s), 0) << log.output();
}

TEST_F(LogPlugins, ThatLeaveSomethingOutSayWhichBoundTheyMet) {
  Process log("trainbus-log", flags({"--sink", "prometheus:127.0.0.1:0,max-trainers=1"}));
  const auto port = log.wait_for("metrics at http://127.0.0.1:");
  ASSERT_TRUE(port) << log.output();
  PlainTrainer trainer(address_);
  trainer.publish_batches(1, 10, "a");
  trainer.publish_batches(1, 10, "b");
  EXPECT_TRUE(eventually("the bus is told", [&] {
    test::get(static_cast<std::uint16_t>(std::stoi(*port)), "/metrics");
    return alerted("prometheus", "limit") == true;
  })) << log.output();
  EXPECT_THAT(message_,
              HasSubstr("prometheus max-trainers (at most 1 trainers): those heard longest ago have no metrics"));
  auto many = test::sample_batch(1, "a");
  many.topic.kind = v1::KIND_SCALARS;
  for (int i = 0; i <= 200; ++i)
    (*many.message.mutable_scalar_data()->mutable_values())["v" + std::to_string(i)] = 1;
  trainer.publish(many);
  EXPECT_TRUE(eventually("the second is told as well", [&] {
    trainer.publish_batches(11, 11, "a");
    test::get(static_cast<std::uint16_t>(std::stoi(*port)), "/metrics");
    return alerted("prometheus", "limit") == true && message_.find("scalar_names") != std::string::npos;
  })) << message_;
  log.signal(SIGTERM);
  EXPECT_EQ(log.wait(10s), 0);
  EXPECT_EQ(alerted("prometheus", "limit"), false);
  EXPECT_THAT(alerts_, testing::Each(testing::Pair(testing::_, false))) << "each has its end";
}

}  // namespace
}  // namespace trainbus
