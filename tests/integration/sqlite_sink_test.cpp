// trainbus-log --sink sqlite beside a real broker.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <sstream>

#include "support/process.hpp"
#include "support/running_broker.hpp"
#include "support/short_training.hpp"
#include "support/stop_training.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;
using Rows = std::vector<std::vector<std::string>>;

// As a reader of its own; NULL is "-".
Rows rows(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  sqlite3_busy_timeout(raw, 5000);
  Rows found;
  char* error = nullptr;
  const auto take = [](void* to, int count, char** values, char**) {
    auto& row = static_cast<Rows*>(to)->emplace_back();
    for (int i = 0; i < count; ++i)
      row.emplace_back(values[i] == nullptr ? "-" : values[i]);
    return 0;
  };
  if (sqlite3_exec(raw, sql.c_str(), take, &found, &error) != SQLITE_OK &&
      std::string(error) != "no such table: batches")
    ADD_FAILURE() << error << " in " << sql;
  sqlite3_free(error);
  sqlite3_close(raw);
  return found;
}

class SqliteBus : public testing::Test {
 protected:
  void log_all() {
    Process log("trainbus-log", {"--broker", broker_.address(), "--once", "--sink", "sqlite:" + path_});
    EXPECT_EQ(log.wait(20s), 0) << log.output();
  }

  test::TempDir dir_;
  const std::string path_ = dir_ / "runs.db";
  test::RunningBroker broker_;
};

TEST_F(SqliteBus, AnswersEveryQueryOfItsPage) {
  ASSERT_TRUE(test::train_shortly(broker_.address(), "t0", {.first_epoch = 1, .last_epoch = 3, .completes = false}));
  ASSERT_TRUE(test::train_shortly(broker_.address(), "t0", {.first_epoch = 3, .last_epoch = 4}));
  ASSERT_TRUE(test::train_shortly(broker_.address(), "t1", {.first_epoch = 1, .last_epoch = 3}));
  log_all();
  EXPECT_EQ(
      rows(path_, "SELECT count(*), count(DISTINCT epoch || ' ' || batch_idx) FROM current_batches WHERE trainer='t0'"),
      (Rows{{"80", "80"}}));
  EXPECT_EQ(rows(path_, "SELECT type,state,old_value,new_value FROM command_results WHERE trainer='t1'"),
            (Rows{{"CHANGE_LEARNING_RATE", "APPLIED", "0.1", "0.05"}}));
  std::ifstream page(std::string(TRAINBUS_SOURCE) + "/consumers/log/sqlite/QUERIES.md");
  int queries = 0;
  std::string line, query;
  for (bool inside = false; std::getline(page, line);) {
    if (line == "```sql") {
      inside = true;
    } else if (line == "```" && inside) {
      inside = false;
      ++queries;
      EXPECT_FALSE(rows(path_, query).empty()) << query;
      query.clear();
    } else if (inside) {
      query += line + '\n';
    }
  }
  EXPECT_GE(queries, 15);
}

TEST_F(SqliteBus, HasEveryRecordOnceThroughKills) {
  Process load("trainbus-loadgen", {"--broker", broker_.address(), "--run", "r", "--trainers", "3", "--batch-rate",
                                    "300", "--epoch-every", "50"});  // until it is stopped
  const auto count = [&] {
    const auto found = std::filesystem::exists(path_) ? rows(path_, "SELECT count(*) FROM batches") : Rows{};
    return found.empty() ? 0 : std::stoi(found[0][0]);
  };
  for (int life = 0; life < 3; ++life) {
    const int before = count();
    Process log("trainbus-log", {"--broker", broker_.address(), "--sink", "sqlite:" + path_});
    ASSERT_TRUE(eventually("some of it is written", [&] { return count() > before; })) << log.output();
    log.signal(SIGKILL);
    ASSERT_EQ(log.wait(20s), 128 + SIGKILL);
  }
  ASSERT_TRUE(test::stop_training(broker_.address(), "r/*"));
  ASSERT_EQ(load.wait(20s), 0) << load.output();
  log_all();
  for (const std::string table : {"batches", "epochs", "perf", "status"})
    EXPECT_EQ(
        rows(path_, "SELECT DISTINCT max(sequence) - count(*), min(sequence) FROM " + table + " GROUP BY trainer"),
        (Rows{{"0", "1"}}))
        << table;
  EXPECT_EQ(rows(path_, "PRAGMA integrity_check"), (Rows{{"ok"}}));
  const int all = count();
  log_all();
  EXPECT_EQ(count(), all);
}

}  // namespace
}  // namespace trainbus
