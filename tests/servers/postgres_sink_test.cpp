// trainbus-log into a real PostgreSQL server, which dies in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "record_names.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/running_broker.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::PostgresServer;
using test::Process;
using test::RecordNames;
using test::RunningBroker;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kNames[] = R"(
SELECT 'batch', run, trainer, incarnation, sequence FROM trainbus.batches UNION ALL
SELECT 'epoch', run, trainer, incarnation, sequence FROM trainbus.epochs UNION ALL
SELECT 'perf', run, trainer, incarnation, sequence FROM trainbus.perf UNION ALL
SELECT 'status', run, trainer, incarnation, sequence FROM trainbus.status UNION ALL
SELECT 'command', run, trainer, incarnation, sequence FROM trainbus.commands UNION ALL
SELECT 'alert', run, trainer, incarnation, sequence FROM trainbus.alerts)";

class PostgresSink : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PostgresServer::programs().empty()) server_ = std::make_unique<PostgresServer>();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "no PostgreSQL: scripts/install-packages installs it";
  }
  void TearDown() override {
    if (server_) server_->query("DROP SCHEMA IF EXISTS trainbus CASCADE");
  }

  std::unique_ptr<Process> log(const std::string& to, const std::string& more = {}) const {
    return std::make_unique<Process>(
        "trainbus-log", std::vector<std::string>{"--broker", broker_.address(), "--sink", "postgres:" + to + more});
  }
  std::unique_ptr<Process> log() const { return log(server_->url()); }
  std::unique_ptr<Process> load(const std::string& duration) const {
    return std::make_unique<Process>(
        "trainbus-loadgen",
        std::vector<std::string>{"--broker", broker_.address(), "--run", "r", "--trainers", "4", "--batch-rate", "200",
                                 "--epoch-every", "50", "--seconds", duration});
  }
  static int batches() { return std::atoi(server_->query("SELECT count(*) FROM trainbus.batches").c_str()); }
  static RecordNames names() {
    RecordNames names;
    std::istringstream rows(server_->query(kNames));
    for (std::string row; std::getline(rows, row);) {
      std::ranges::replace(row, '|', ' ');
      row[row.find(' ', row.find(' ') + 1)] = '/';  // between run and trainer
      names.insert(row);
    }
    return names;
  }
  void expect_all_once() const {
    EXPECT_TRUE(test::comes_to_have_all_once({broker_.address()}, names));
    EXPECT_GT(batches(), 100);
  }

  static std::unique_ptr<PostgresServer> server_;
  RunningBroker broker_;
};
std::unique_ptr<PostgresServer> PostgresSink::server_;

TEST_F(PostgresSink, HasEveryRecordOnceWhoeverIsKilled) {
  auto training = load("6");
  auto writer = log();
  const auto goes_on = [&](int more) {
    const int before = batches();
    return eventually(
        "it goes on", [&] { return batches() > before + more; }, seconds(30));
  };
  ASSERT_TRUE(eventually("rows come", [&] { return batches() > 100; })) << writer->output();
  server_->kill();
  ASSERT_TRUE(writer->wait_for("failed")) << writer->output();
  server_->start();
  ASSERT_TRUE(goes_on(100)) << writer->output();
  writer->signal(SIGKILL);
  writer = log();
  ASSERT_TRUE(goes_on(100)) << writer->output();
  server_->kill();
  writer->signal(SIGKILL);
  server_->start();
  writer = log();
  ASSERT_EQ(training->wait(seconds(30)), 0) << training->output();
  expect_all_once();
  writer->signal(SIGTERM);
  EXPECT_EQ(writer->wait(seconds(5)), 0) << writer->output();
  EXPECT_THAT(writer->output(), Not(HasSubstr(PostgresServer::kPassword)));
}

TEST_F(PostgresSink, LeavesAServerThatHangs) {
  auto training = load("4");
  const auto writer = log(server_->url(), ",timeout=3s");  // a busy disk takes more than a second
  ASSERT_TRUE(eventually("rows come", [&] { return batches() > 100; })) << writer->output();
  server_->hang();
  EXPECT_TRUE(writer->wait_for("the server hangs")) << writer->output();
  server_->go_on();
  ASSERT_EQ(training->wait(seconds(30)), 0) << training->output();
  expect_all_once();
}

TEST_F(PostgresSink, IsSharedByWritersOfTheSameAndOfOtherBrokers) {
  RunningBroker other;
  auto training = load("2");
  Process elsewhere("trainbus-loadgen",
                    {"--broker", other.address(), "--run", "s", "--batch-rate", "200", "--seconds", "2"});
  const auto one = log(), two = log();
  Process three("trainbus-log", {"--broker", other.address(), "--sink", "postgres:" + server_->url() + ",site=other"});
  ASSERT_EQ(training->wait(seconds(30)), 0) << training->output();
  ASSERT_EQ(elsewhere.wait(seconds(30)), 0) << elsewhere.output();
  EXPECT_TRUE(test::comes_to_have_all_once({broker_.address(), other.address()}, names))
      << one->output() << two->output() << three.output();
  for (auto* writer : {one.get(), two.get(), &three})
    EXPECT_THAT(writer->output(), Not(HasSubstr("failed")));
  EXPECT_EQ(server_->query("SELECT site, run, trainers, incarnations FROM trainbus.runs ORDER BY run"),
            "|r|4|4\nother|s|1|1\n");
}

TEST_F(PostgresSink, ShowsEqualNamesOfTwoSitesAsTwo) {
  RunningBroker other;
  for (const auto* broker : {&broker_, &other}) {
    Process training("trainbus-loadgen", {"--broker", broker->address(), "--run", "same", "--trainers", "3",
                                          "--batch-rate", "50", "--seconds", "1"});
    ASSERT_EQ(training.wait(seconds(30)), 0) << training.output();
    Process writer("trainbus-log", {"--broker", broker->address(), "--once", "--sink",
                                    "postgres:" + server_->url() + (broker == &other ? ",site=far" : ",site=lab")});
    ASSERT_EQ(writer.wait(seconds(30)), 0) << writer.output();
  }
  EXPECT_EQ(server_->query("SELECT site, count(*) FROM trainbus.trainers GROUP BY site ORDER BY site"),
            "far|3\nlab|3\n");
  EXPECT_EQ(server_->query("SELECT site, run, trainers, incarnations FROM trainbus.runs ORDER BY site"),
            "far|same|3|3\nlab|same|3|3\n");
  EXPECT_EQ(server_->query("SELECT count(*) FROM trainbus.current_batches"),
            server_->query("SELECT count(*) FROM trainbus.batches"));
  EXPECT_EQ(
      server_->query("SELECT count(DISTINCT (site, trainer)) FROM trainbus.incarnations WHERE status = 'COMPLETED'"),
      "6\n");
}

TEST_F(PostgresSink, RefusesASecondBrokerOfOneSiteInOneLine) {
  RunningBroker other;
  const auto write = [&](const RunningBroker& broker, const std::string& more) {
    Process writer("trainbus-log",
                   {"--broker", broker.address(), "--once", "--sink", "postgres:" + server_->url() + more});
    const auto code = writer.wait(seconds(30));
    return std::pair(code.value_or(-1), writer.output());
  };
  for (const std::string site : {"", ",site=lab"}) {
    EXPECT_EQ(write(broker_, site).first, 0);
    EXPECT_EQ(write(broker_, site).first, 0) << "the same broker again";
    const auto [code, said] = write(other, site);
    EXPECT_EQ(code, 1);
    EXPECT_THAT(said, AllOf(HasSubstr("say site=NAME"), HasSubstr("cannot be written: site '")));
    EXPECT_EQ(said.find("cannot be written"), said.rfind("cannot be written")) << "one line: " << said;
  }
  EXPECT_EQ(write(other, ",site=lab,adopt=yes").first, 0) << "it takes the place of the other";
  EXPECT_EQ(write(broker_, ",site=lab").first, 1);
}

TEST_F(PostgresSink, TakesWhateverARecordHolds) {
  test::PlainPeer peer(broker_.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  auto batch = test::PlainPeer::record(1);
  batch.set_timestamp_ms(std::numeric_limits<std::int64_t>::max());
  batch.mutable_batch_data()->set_batch_loss(std::nan(""));
  batch.mutable_batch_data()->set_batch_accuracy(-std::numeric_limits<double>::infinity());
  batch.mutable_batch_data()->set_step(std::numeric_limits<std::uint64_t>::max());
  batch.mutable_batch_data()->add_predictions()->set_confidence(std::nanf(""));
  peer.publish(batch);
  auto status = test::PlainPeer::record(1);
  status.mutable_status_update()->set_message(std::string("tab\tline\nback\\slash\rzero") + '\0' + "'\"\\.");
  status.mutable_status_update()->mutable_config()->add_class_names("a,\"b\"\\{}");
  peer.publish("status/r/t/", status.SerializeAsString());
  const auto writer = log();
  ASSERT_TRUE(eventually("both are there", [&] { return test::of_trainers(names()).size() == 2; })) << writer->output();
  EXPECT_EQ(server_->query("SELECT batch_loss, batch_accuracy, step, timestamp_ms, confidence FROM trainbus.batches"),
            "NaN|-Infinity|-1|9223372036854775807|{NaN}\n");
  EXPECT_EQ(server_->query("SELECT message = E'tab\\tline\\nback\\\\slash\\rzero\uFFFD''\"\\\\.', class_names[1] FROM "
                           "trainbus.status"),
            "t|a,\"b\"\\{}\n");
}

TEST_F(PostgresSink, RefusesToStartInOneLineWithoutThePassword) {
  server_->query("CREATE ROLE reader LOGIN PASSWORD 'swordfish'");
  struct Case {
    std::string to, expected;
    int exit_code = 1;
  };
  const std::string nobody_there =
      "postgresql://owner:swordfish@127.0.0.1:" + std::to_string(test::free_port()) + "/training";
  for (const auto& [to, expected, exit_code] :
       {Case{server_->url("owner", "wordfishs"), "password authentication failed for user \"owner\""},
        Case{nobody_there, "Connection refused"},
        Case{server_->url("owner", "swordfish", "nowhere"), "database \"nowhere\" does not exist"},
        Case{server_->url("reader"), "permission denied for database training"},
        Case{"owner:swordfish@127.0.0.1/training", "to: is neither a URL", 2}}) {
    const auto writer = log(to);
    EXPECT_EQ(writer->wait(seconds(10)), exit_code) << writer->output();
    EXPECT_THAT(writer->output(), AllOf(HasSubstr(expected), Not(HasSubstr("wordfish"))));
    const bool warned = writer->output().find("a password on the command line can be seen") != std::string::npos;
    EXPECT_EQ(std::ranges::count(writer->output(), '\n'), warned ? 2 : 1) << writer->output();
  }
}

}  // namespace
}  // namespace trainbus
