// trainbus-log scraped by a real Prometheus server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/support/eventually.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/web_client.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::Process;
using test::RunningBroker;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kGrafana = TRAINBUS_SOURCE "/consumers/log/prometheus/grafana.json";
constexpr char kPrometheus[] = "/usr/bin/prometheus", kPromtool[] = "/usr/bin/promtool";

// The queries of all panels, for all runs and trainers.
std::vector<std::string> dashboard_queries() {
  std::vector<std::string> queries;
  const auto dashboard = nlohmann::json::parse(std::ifstream(kGrafana));
  for (const auto& panel : dashboard["panels"])
    for (const auto& target : panel["targets"])
      queries.push_back(std::regex_replace(target["expr"].get<std::string>(), std::regex("\\$(run|trainer)"), ".*"));
  return queries;
}

std::string encoded(const std::string& text) {
  std::string out;
  char hex[4];
  for (const unsigned char each : text) {
    std::snprintf(hex, sizeof hex, "%%%02X", each);
    out += hex;
  }
  return out;
}

class PrometheusSink : public testing::Test {
 protected:
  std::unique_ptr<Process> log(const std::string& listen, const std::string& more = {}) const {
    return std::make_unique<Process>("trainbus-log", std::vector<std::string>{"--broker", broker_.address(), "--sink",
                                                                              "prometheus:" + listen + more});
  }
  // On a free port, which it says.
  void start_log(const std::string& more = {}) {
    log_ = log("127.0.0.1:0", more);
    const auto port = log_->wait_for("metrics at http://127.0.0.1:");
    ASSERT_TRUE(port) << log_->output();
    port_ = static_cast<std::uint16_t>(std::stoi(*port));
  }
  void start_load(int trainers) {
    load_ = std::make_unique<Process>(
        "trainbus-loadgen",
        std::vector<std::string>{"--broker", broker_.address(), "--run", "r", "--trainers", std::to_string(trainers),
                                 "--batch-rate", "50", "--epoch-every", "5"});
  }
  std::string metrics() const { return test::get(port_, "/metrics").body; }
  testing::AssertionResult shows(const std::string& text) const {
    return eventually(text, [&] { return metrics().find(text) != std::string::npos; });
  }

  RunningBroker broker_;
  std::unique_ptr<Process> log_, load_;
  std::uint16_t port_ = 0;
};

TEST_F(PrometheusSink, ShowsWhatAnIdleTrainerSaidBeforeItStarted) {
  Process load("trainbus-loadgen", {"--broker", broker_.address(), "--run", "r", "--batch-rate", "100", "--epoch-every",
                                    "10", "--seconds", "0.5"});
  ASSERT_EQ(load.wait(seconds(10)), 0) << load.output();
  start_log();
  EXPECT_THAT(metrics(), AllOf(HasSubstr("trainbus_train_loss{run=\"r\",trainer=\"t0\",split=\"train\"} "),
                               HasSubstr("trainbus_trainer_state{run=\"r\",trainer=\"t0\",state=\"COMPLETED\"} 1"),
                               HasSubstr("trainbus_broker_connected 1")));
}

TEST_F(PrometheusSink, NamesItsMetricsByTheRules) {
  if (!std::filesystem::exists(kPromtool)) GTEST_SKIP() << "no promtool: scripts/install-packages installs it";
  start_log();
  start_load(2);
  ASSERT_TRUE(shows("trainbus_train_cpu_ratio"));
  ASSERT_TRUE(shows("split=\"validation\""));
  test::TempDir dir;
  std::ofstream(dir / "metrics") << metrics();
  Process check("/bin/sh", {"-c", std::string(kPromtool) + " check metrics < '" + (dir / "metrics") + "'"});
  EXPECT_EQ(check.wait(seconds(10)), 0) << check.output();
  EXPECT_EQ(check.output(), "");
}

TEST_F(PrometheusSink, ShowsTheNewestTrainersAndCountsTheOthers) {
  start_log(",max-trainers=3");
  start_load(5);
  ASSERT_TRUE(shows("trainbus_trainers 5"));
  const auto text = metrics();
  EXPECT_THAT(text, HasSubstr("trainbus_trainers_dropped 2"));
  const std::regex one("trainbus_trainer_up\\{");
  EXPECT_EQ(std::distance(std::sregex_iterator(text.begin(), text.end(), one), {}), 3);
}

TEST_F(PrometheusSink, ForgetsATrainerThatIsSilent) {
  start_log(",forget=1s");
  start_load(1);
  ASSERT_TRUE(shows("trainbus_trainer_up{run=\"r\",trainer=\"t0\"} 1"));
  load_->signal(SIGKILL);
  EXPECT_TRUE(shows("trainbus_trainers 0"));
  EXPECT_THAT(metrics(), Not(HasSubstr("trainbus_trainer_up")));
}

TEST_F(PrometheusSink, SaysSoWhenTheBrokerIsAway) {
  start_log();
  start_load(1);
  ASSERT_TRUE(shows("state=\"ALIVE\"} 1"));
  broker_.stop();
  EXPECT_TRUE(shows("trainbus_broker_connected 0"));
  EXPECT_THAT(metrics(), HasSubstr("trainbus_trainer_state{run=\"r\",trainer=\"t0\",state=\"UNREACHABLE\"} 1"));
}

TEST_F(PrometheusSink, EveryQueryOfTheGrafanaDashboardHasAnAnswerInPrometheus) {
  if (!std::filesystem::exists(kPrometheus)) GTEST_SKIP() << "no prometheus: scripts/install-packages installs it";
  start_log();
  start_load(3);
  test::TempDir dir;
  std::ofstream(dir / "prometheus.yml") << "global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: trainbus\n"
                                        << "  static_configs: [{targets: ['127.0.0.1:" << port_ << "']}]\n";
  const int port = test::free_port();
  const test::ServerProcess server(
      kPrometheus,
      {"--config.file=" + (dir / "prometheus.yml"), "--storage.tsdb.path=" + (dir / "data"),
       "--web.listen-address=127.0.0.1:" + std::to_string(port)},
      dir / "log");
  const auto ask = [&](const std::string& target) -> nlohmann::json {
    try {
      return test::get(static_cast<std::uint16_t>(port), target).json();
    } catch (const std::exception&) {
      return {};  // not up yet
    }
  };
  const auto rows = [&](const std::string& query) {
    const auto answer = ask("/api/v1/query?query=" + encoded(query));
    return answer.is_object() && answer.contains("data") ? answer["data"]["result"].size() : 0;
  };
  ASSERT_TRUE(eventually(
      "the target is scraped", [&] { return rows("up{job=\"trainbus\"} == 1") == 1; }, seconds(30)))
      << server.log();
  const auto queries = dashboard_queries();
  ASSERT_GT(queries.size(), 10u);
  for (const auto& query : queries)
    EXPECT_TRUE(eventually(query, [&] { return rows(query) > 0; }));
  EXPECT_EQ(rows("trainbus_train_loss{split=\"train\"}"), 3u);

  std::set<std::string> there;
  const auto names = ask("/api/v1/label/__name__/values");
  for (const auto& name : names["data"])
    there.insert(name);
  const std::string dashboard = nlohmann::json::parse(std::ifstream(kGrafana)).dump();
  const std::regex metric("trainbus_[a-z_]+");
  for (std::sregex_iterator each(dashboard.begin(), dashboard.end(), metric); each != std::sregex_iterator(); ++each)
    EXPECT_TRUE(there.contains(each->str())) << each->str();
}

TEST_F(PrometheusSink, RefusesAnAddressInOneLine) {
  start_log();
  const auto taken = "127.0.0.1:" + std::to_string(port_);
  struct Case {
    std::string listen, expected;
    int exit_code;
  };
  for (const auto& [listen, expected, exit_code] :
       {Case{taken, "cannot listen on '" + taken + "': Address already in use", 1},
        Case{"0.0.0.0:9464", "listen '0.0.0.0:9464': is not a loopback address", 2},
        Case{"127.0.0.1", "listen '127.0.0.1': must look like HOST:PORT", 2},
        Case{"127.0.0.1:0,max-trainers=0", "max-trainers '0': must be a whole number", 2}}) {
    const auto other = log(listen);
    EXPECT_EQ(other->wait(seconds(10)), exit_code) << other->output();
    EXPECT_THAT(other->output(), HasSubstr(expected));
    EXPECT_EQ(std::ranges::count(other->output(), '\n'), 1) << other->output();
  }
}

}  // namespace
}  // namespace trainbus
