// Several brokers behind one dashboard, and the ledgers that they keep.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/process.hpp"
#include "tests/support/running_dashboard.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using test::DashboardTest;
using test::eventually;
using test::get;
using test::post;
using ::testing::HasSubstr;

class DashboardSites : public DashboardTest {
 protected:
  std::uint16_t serve_both() { return serve({.sites = {{"lab", broker_.address()}, {"cluster", other_.address()}}}); }
  // The trainers that a path lists, as "run/trainer".
  static std::vector<std::string> listed(std::uint16_t port, const std::string& at) {
    std::vector<std::string> names;
    const json answer = get(port, at + "api/trainers").json();
    for (const auto& trainer : answer["trainers"])
      names.push_back(trainer["run"].get<std::string>() + '/' + trainer["trainer"].get<std::string>());
    return names;
  }

  test::RunningBroker other_;
};

TEST_F(DashboardSites, EachBrokerIsServedAtItsName) {
  const auto port = serve_both();
  Producer there({.run = "far", .trainer = "t", .broker = other_.address()});
  there.start({});
  train(1);
  const auto there_only = std::vector<std::string>{"far/t"};
  EXPECT_TRUE(eventually("the other's", [&] { return listed(port, "/at/cluster/") == there_only; }));
  EXPECT_TRUE(eventually("the first one's", [&] { return listed(port, "/") == std::vector<std::string>{"r/t"}; }));
  EXPECT_EQ(listed(port, "/at/lab/"), std::vector<std::string>{"r/t"});
  const auto sites = get(port, "/api/sites").json()["sites"];
  ASSERT_EQ(sites.size(), 2U);
  EXPECT_EQ(sites[0]["name"], "lab");
  EXPECT_EQ(sites[1]["name"], "cluster");
  EXPECT_EQ(sites[1]["broker"], other_.address());
  EXPECT_EQ(get(port, "/at/cluster/").status, 200U) << "the page of one broker";
  for (const auto* path : {"/at/nobody/api/trainers", "/at/", "/at", "/at//api/trainers", "/at/cluster"})
    EXPECT_EQ(get(port, path).status, 404U) << path;
  EXPECT_EQ(get(port, "/at/cluster/api/trainers/r/t").status, 404U) << "it is the other one's";
}

TEST_F(DashboardSites, OneThatIsAwayIsNamed) {
  const auto port = serve_both();
  EXPECT_TRUE(eventually("both", [&] { return get(port, "/healthz").json()["ok"] == true; }));
  other_.stop();
  json health;
  EXPECT_TRUE(eventually("it is said", [&] {
    health = get(port, "/healthz").json();
    return health["ok"] == false && health.contains("problem");
  })) << health;
  EXPECT_THAT(health["problem"].get<std::string>(), HasSubstr("cluster: "));
  const auto sites = get(port, "/api/sites").json()["sites"];
  EXPECT_EQ(sites[0]["broker_connected"], true);
  EXPECT_EQ(sites[1]["broker_connected"], false);
}

TEST_F(DashboardSites, ACommandGoesToTheBrokerOfItsPath) {
  const auto port = serve_both();
  train(1).run();
  ASSERT_TRUE(knows(1));
  EXPECT_EQ(post(port, "/at/cluster/api/trainers/r/t/commands", R"({"type":"PAUSE_TRAINING"})").status, 404U);
  EXPECT_EQ(post(port, "/at/lab/api/trainers/r/t/commands", R"({"type":"PAUSE_TRAINING"})").status, 202U);
  EXPECT_TRUE(is("PAUSED"));
  EXPECT_EQ(post(port, "/api/trainers/r/t/commands", R"({"type":"RESUME_TRAINING"})").status, 202U);
}

TEST(DashboardSitesProgram, SeveralBrokersNeedNamesOfTheirOwn) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> refused = {
      {{"--broker", "tcp://127.0.0.1:7760", "--broker", "tcp://127.0.0.1:7770"}, "NAME=tcp://127.0.0.1:7760"},
      {{"--broker", "a=tcp://127.0.0.1:7760", "--broker", "a=tcp://127.0.0.1:7770"}, "another one has this name"},
      {{"--broker", "a=tcp://127.0.0.1:7760", "--broker", "a b=tcp://127.0.0.1:7770"}, "NAME=tcp://127.0.0.1:7770"},
      {{"--broker", "a=nowhere", "--broker", "b=tcp://127.0.0.1:7770"}, "nowhere"}};
  for (const auto& [arguments, said] : refused) {
    test::Process program("trainbus-dashboard", arguments);
    EXPECT_EQ(program.wait(seconds(10)), 1) << said;
    EXPECT_THAT(program.output(), HasSubstr(said));
    EXPECT_EQ(std::count(program.output().begin(), program.output().end(), '\n'), 1) << program.output();
  }
}

class DashboardLedger : public DashboardTest {
 protected:
  // A trainer that has ended, and the broker knows it.
  std::uint16_t serve_an_ended_one() {
    const auto port = serve();
    Producer producer({.run = "r", .trainer = "t", .broker = broker_.address()});
    producer.start({});
    producer.log_batch({.loss = 1});
    producer.finish(v1::COMPLETED);
    EXPECT_TRUE(knows(1));
    EXPECT_TRUE(is("COMPLETED"));
    return port;
  }
};

TEST_F(DashboardLedger, TheLedgerSaysWhatTheBrokerStored) {
  const auto port = serve_an_ended_one();
  json ledger;
  EXPECT_TRUE(eventually("the sums close", [&] {
    ledger = get(port, std::string(test::kTrainer) + "/ledger").json()["ledgers"];
    return ledger.size() == 1 && ledger[0]["heard"] == true && ledger[0]["open_sums"].empty();
  })) << ledger;
  json batches;
  for (const auto& record : ledger[0]["records"])
    if (record["kind"] == "batch") batches = record;
  EXPECT_EQ(batches["produced"], 1);
  EXPECT_EQ(batches["stored"], 1);
  EXPECT_EQ(batches["lost"], 0);
  EXPECT_TRUE(ledger[0]["tiles"].contains("skipped_no_demand"));
  EXPECT_EQ(get(port, "/api/trainers/r/nobody/ledger").json()["ledgers"].size(), 0U);
}

}  // namespace
}  // namespace trainbus
