// The dashboard reads runs that the broker no longer has from the tables that trainbus-log wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "consumers/dashboard/server/history.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_dashboard.hpp"
#include "tests/support/short_training.hpp"

namespace trainbus {
namespace {

using std::chrono::seconds;
using test::eventually;
using test::get;
using test::PostgresServer;
using test::Process;
using test::RunningBroker;
using test::RunningDashboard;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class PostgresHistory : public testing::Test {
 protected:
  void SetUp() override {
    if (PostgresServer::programs().empty()) GTEST_SKIP() << "no PostgreSQL: scripts/install-packages installs it";
    server_ = std::make_unique<PostgresServer>();
    const std::string passwords = dir_ / "pgpass";
    std::ofstream(passwords) << "*:*:*:owner:" << PostgresServer::kPassword << '\n';
    std::filesystem::permissions(passwords, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    setenv("PGPASSFILE", passwords.c_str(), 1);
  }
  void TearDown() override { unsetenv("PGPASSFILE"); }

  void archive(const std::string& site = {}) const {
    Process log("trainbus-log", {"--broker", old_.address(), "--once", "--sink",
                                 "postgres:" + server_->url() + (site.empty() ? "" : ",site=" + site)});
    ASSERT_EQ(log.wait(seconds(60)), 0) << log.output();
  }
  // Without the password.
  std::string database() const {
    auto url = server_->url();
    const auto password = ':' + std::string(PostgresServer::kPassword);
    return url.erase(url.find(password), password.size());
  }
  std::unique_ptr<RunningDashboard> dashboard(const RunningBroker& broker, HistoryPlace history = {}) const {
    DashboardOptions options;
    options.port = 0;
    options.broker = broker.address();
    options.history = std::move(history);
    return std::make_unique<RunningDashboard>(options);
  }
  static testing::AssertionResult lists(const RunningDashboard& dashboard, std::size_t trainers) {
    return eventually(
        "the trainers are listed", [&] { return get(dashboard.port(), "/api/trainers").json()["total"] == trainers; },
        seconds(30));
  }

  test::TempDir dir_;
  std::unique_ptr<PostgresServer> server_;
  RunningBroker old_, empty_;
};

TEST_F(PostgresHistory, ShowsARetiredTrainerAsWhenTheBrokerHadIt) {
  for (const auto& life : {test::ShortLife{1, 3, false}, test::ShortLife{3, 4, true}})
    ASSERT_TRUE(test::train_shortly(old_.address(), "t0", life));
  archive();
  const auto then = dashboard(old_), now = dashboard(empty_, {.database = database()});
  ASSERT_TRUE(lists(*then, 1));
  ASSERT_TRUE(lists(*now, 1));
  const std::string path = "/api/trainers/mine/t0";
  ASSERT_TRUE(eventually("the broker's dashboard has all",
                         [&] { return get(then->port(), path).json()["state"] == "COMPLETED"; }));
  const auto row = get(now->port(), path).json(), wanted = get(then->port(), path).json();
  for (const char* name : {"run", "trainer", "state", "incarnation", "model", "dataset", "total_epochs", "parameters",
                           "tags", "notes", "class_names", "epoch"})
    EXPECT_EQ(row[name], wanted[name]) << name;
  const auto curves = get(now->port(), path + "/series").json();
  EXPECT_EQ(curves["incarnations"], get(then->port(), path + "/series").json()["incarnations"]);
  for (const std::string curve : {"batch_loss", "gen_loss", "disc_loss", "grad_norm", "val/perplexity", "reward", "fps",
                                  "epoch_loss", "validation_loss", "learning_rate"}) {
    const auto of = [&](const RunningDashboard& one) {
      return get(one.port(), path + "/series?max_points=1000&name=" + curve).json()["points"];
    };
    EXPECT_GT(of(*now).size(), 0U) << curve;
    EXPECT_EQ(of(*now), of(*then)) << curve;
  }
}

TEST_F(PostgresHistory, WhatTheBrokerHasIsListedOnce) {
  ASSERT_TRUE(test::train_shortly(old_.address(), "t0", {.last_epoch = 1}));
  archive();
  ASSERT_TRUE(test::train_shortly(empty_.address(), "t1", {.last_epoch = 1}));
  const auto both = dashboard(empty_, {.database = database()});
  ASSERT_TRUE(lists(*both, 2));
  const auto same = dashboard(old_, {.database = database()});
  ASSERT_TRUE(lists(*same, 1));
}

TEST_F(PostgresHistory, SeesWhatComesAndGoesWhileItRuns) {
  const std::string curve = "/api/trainers/mine/t0/series?max_points=1000&name=batch_loss";
  archive();  // the tables, empty
  const auto page = dashboard(empty_, {.database = database(), .every = std::chrono::milliseconds(200)});
  const auto points = [&] {
    const auto answer = get(page->port(), curve);
    return answer.status == 200 ? answer.json()["points"].size() : 0;
  };
  ASSERT_TRUE(test::train_shortly(old_.address(), "t0", {1, 3, false}));
  archive();
  ASSERT_TRUE(lists(*page, 1));
  std::size_t first = 0;
  ASSERT_TRUE(eventually("its curve is read", [&] { return (first = points()) > 0; }));
  ASSERT_TRUE(test::train_shortly(old_.address(), "t0", {3, 4, true}));
  archive();
  EXPECT_TRUE(eventually("the curve goes on", [&] { return points() > first; }));
  EXPECT_EQ(get(page->port(), "/api/trainers/mine/t0").json()["state"], "COMPLETED");
  EXPECT_EQ(server_->query("DELETE FROM trainbus.lives"), "");
  EXPECT_TRUE(lists(*page, 0));
  EXPECT_EQ(get(page->port(), curve).status, 404U);
}

TEST_F(PostgresHistory, WhatTheBrokerDeletesComesBackFromTheDatabase) {
  ASSERT_TRUE(test::train_shortly(old_.address(), "t0", {.last_epoch = 1}));
  archive();
  const auto page = dashboard(old_, {.database = database(), .every = seconds(3)});
  ASSERT_TRUE(lists(*page, 1));
  Process ctl("trainbus-ctl", {"--broker", old_.address(), "delete", "mine", "--yes"});
  ASSERT_EQ(ctl.wait(seconds(30)), 0) << ctl.output();
  ASSERT_TRUE(lists(*page, 0));  // it is believed after 15 s
  ASSERT_TRUE(lists(*page, 1));
  EXPECT_EQ(get(page->port(), "/api/trainers/mine/t0").json()["state"], "COMPLETED");
}

TEST_F(PostgresHistory, ListsTheSiteThatItIsToldOf) {
  ASSERT_TRUE(test::train_shortly(old_.address(), "t0", {.last_epoch = 1}));
  archive("lab");
  const auto other = dashboard(empty_, {.database = database()});
  const auto lab = dashboard(empty_, {.database = database(), .site = "lab"});
  ASSERT_TRUE(lists(*lab, 1));
  EXPECT_EQ(get(other->port(), "/api/trainers").json()["total"], 0);
}

TEST_F(PostgresHistory, SaysOnThePageInOneLineWhatTheDatabaseRefuses) {
  const auto one = dashboard(empty_, {.database = database(), .schema = "nowhere"});
  test::WebSocketClient page(one->port());
  page.say(R"({"type":"list"})");
  std::string seen;
  EXPECT_TRUE(eventually("the page is told", [&] {
    seen = page.next_of("bus").bytes;
    return seen.find("\"rule\":\"history\"") != std::string::npos;
  })) << seen;
  EXPECT_THAT(seen, AllOf(HasSubstr("nowhere.lives"), Not(HasSubstr(PostgresServer::kPassword))));
}

TEST_F(PostgresHistory, TakesNoSecretOnTheCommandLine) {
  for (const auto& [history, expected] :
       {std::pair{"postgres:" + server_->url(), "a password on the command line"},
        std::pair{std::string("postgres:host=db password=swordfish"), "a password on the command line"},
        std::pair{std::string("mysql:db"), "must look like postgres:"},
        std::pair{std::string("postgres:"), "must look"},
        std::pair{std::string("postgres:db/training"), "neither a URL"}}) {
    Process program("trainbus-dashboard",
                    {"--broker", empty_.address(), "--listen", "127.0.0.1:0", "--no-login", "--history", history});
    const auto code = program.wait(seconds(10));
    EXPECT_TRUE(code == 1 || code == 2) << program.output();
    EXPECT_THAT(program.output(), AllOf(HasSubstr(expected), Not(HasSubstr("swordfish"))));
    EXPECT_EQ(std::ranges::count(program.output(), '\n'), 1) << program.output();
  }
}

}  // namespace
}  // namespace trainbus
