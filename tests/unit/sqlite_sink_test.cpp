// The SQLite sink through its C functions.
#include "consumers/log/sqlite/sqlite_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>

#include "support/sample_records.hpp"
#include "support/sink_under_test.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using test::failure_of;
using test::sample_batch;
using test::sample_record;
using testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;

class SqliteSinkTest : public testing::Test {
 protected:
  std::unique_ptr<test::SinkUnderTest<SqliteSink>> sink() {
    return std::make_unique<test::SinkUnderTest<SqliteSink>>(test::OptionValues{{"path", path_}});
  }
  void fill(const std::vector<Record>& records) {
    auto filled = sink();
    filled->open();
    for (const auto& record : records)
      filled->write(record);
    filled->flush();
    filled->sync();
  }
  // As somebody else reads it. NULL is "-".
  Rows rows(const std::string& sql) const {
    sqlite3* raw = nullptr;
    sqlite3_open_v2(path_.c_str(), &raw, SQLITE_OPEN_READWRITE, nullptr);
    Rows found;
    char* error = nullptr;
    const auto take = [](void* to, int count, char** values, char**) {
      auto& row = static_cast<Rows*>(to)->emplace_back();
      for (int i = 0; i < count; ++i)
        row.emplace_back(values[i] == nullptr ? "-" : values[i]);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), take, &found, &error), SQLITE_OK) << error << " in " << sql;
    sqlite3_free(error);
    sqlite3_close(raw);
    return found;
  }

  test::TempDir dir_;
  const std::string path_ = dir_ / "x.db";
};

Record batch_of(std::uint64_t incarnation, std::uint64_t sequence, int epoch, int batch, double loss) {
  auto record = sample_batch(sequence);
  record.message.set_incarnation(incarnation);
  record.message.mutable_batch_data()->set_epoch(epoch);
  record.message.mutable_batch_data()->set_batch_idx(batch);
  record.message.mutable_batch_data()->set_batch_loss(loss);
  return record;
}

TEST_F(SqliteSinkTest, GivesEachKindARowWithItsNames) {
  auto batch = sample_batch(1);
  batch.message.mutable_batch_data()->set_batch_loss(std::nan(""));
  auto epoch = sample_record(v1::KIND_EPOCH, 1);
  epoch.message.mutable_epoch_data()->set_epoch(3);
  epoch.message.mutable_epoch_data()->set_validation_loss(0.5);
  auto perf = sample_record(v1::KIND_PERF, 1);
  perf.message.mutable_performance_data()->set_current_fps(60);
  auto status = test::sample_status(1, "it's \"on\"");
  status.message.mutable_status_update()->mutable_config()->set_model_name("cnn");
  auto command = sample_record(v1::KIND_COMMAND, 1);
  command.message.mutable_command()->set_type(v1::CHANGE_LEARNING_RATE);
  command.message.mutable_command()->set_state(v1::COMMAND_APPLIED);
  command.message.mutable_command()->set_old_value("0.01");
  (*command.message.mutable_command()->mutable_parameters())["value"] = "0.001";
  auto waiting = sample_record(v1::KIND_COMMAND, 2);
  waiting.message.mutable_command()->set_state(v1::COMMAND_DELIVERED);
  auto alert = sample_record(v1::KIND_ALERT, 1);
  alert.message.mutable_alert()->set_rule("stalled");
  fill({batch, epoch, perf, status, command, waiting, alert});
  EXPECT_EQ(
      rows(
          "SELECT run,trainer,sequence,time,step,batch_loss,batch_accuracy,learning_rate,predicted_class FROM batches"),
      (Rows{{"r", "t0", "1", "2025-11-23T12:13:20.001Z", "1", "-", "0.5", "-", "-"}}));
  EXPECT_EQ(rows("SELECT epoch,validation_loss,validation_accuracy FROM epochs"), (Rows{{"3", "0.5", "-"}}));
  EXPECT_EQ(rows("SELECT current_fps,memory_mb FROM perf"), (Rows{{"60.0", "-"}}));
  EXPECT_EQ(rows("SELECT status,message,model_name FROM status"), (Rows{{"RUNNING", "it's \"on\"", "cnn"}}));
  EXPECT_EQ(rows("SELECT type,value,state,old_value*2,applied_step FROM commands"),
            (Rows{{"CHANGE_LEARNING_RATE", "0.001", "APPLIED", "0.02", "0"},
                  {"UNKNOWN_COMMAND", "-", "DELIVERED", "-", "-"}}))
      << "applied before the first step, and not applied";
  EXPECT_EQ(rows("SELECT rule,active FROM alerts"), (Rows{{"stalled", "0"}}));
}

TEST_F(SqliteSinkTest, KnowsWhatItHasAndKeepsNothingTwice) {
  fill({sample_batch(1), sample_batch(2), sample_batch(1, "t1"), test::sample_status(4, "m")});
  auto again = sink();
  const auto heads = again->open();
  EXPECT_EQ(heads, (StreamHeads{{test::stream_of(sample_batch(1)), 2},
                                {test::stream_of(sample_batch(1, "t1")), 1},
                                {test::stream_of(test::sample_status(4, "m")), 4}}));
  again->write(sample_batch(2));
  again->write(sample_batch(3));
  again->flush();
  EXPECT_EQ(rows("SELECT trainer,group_concat(sequence) FROM batches GROUP BY trainer"),
            (Rows{{"t0", "1,2,3"}, {"t1", "1"}}));
}

TEST_F(SqliteSinkTest, ForgetsWhatWasNotFlushed) {
  {
    auto sudden = sink();
    sudden->open();
    sudden->write(sample_batch(1));
    sudden->flush();
    sudden->write(sample_batch(2));
    EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{"1"}})) << "readable, and only whole flushes are seen";
    EXPECT_EQ(sudden->open().begin()->second, 1U) << "as after a failed call";
    sudden->write(sample_batch(2));
    sudden->write(sample_batch(3));
  }
  EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{"1"}}));
}

TEST_F(SqliteSinkTest, LeavesTheWriteLockToOthersBetweenFlushes) {
  auto open = sink();
  open->open();
  for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) {
    open->write(sample_batch(sequence));                            // and waits for the flush
    rows("CREATE TABLE mine_" + std::to_string(sequence) + "(x)");  // without any patience
    if (sequence % 3 == 0) open->flush();
  }
  open->flush();
  EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{"10"}}));
}

TEST_F(SqliteSinkTest, KeepsSoManyRecordsWaitingAndNoMore) {
  auto open = sink();
  open->open();
  for (std::uint64_t sequence = 1; sequence < SqliteSink::kMostWaiting; ++sequence)
    open->write(sample_batch(sequence));
  EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{"0"}}));
  open->write(sample_batch(SqliteSink::kMostWaiting));
  EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{std::to_string(SqliteSink::kMostWaiting)}}));
}

TEST_F(SqliteSinkTest, GivesAPlainCopyOfItsFileTheTablesAtOnceAndTheRowsAtASync) {
  auto open = sink();
  open->open();
  const auto copied = [&](const std::string& name) {
    const std::string copy = dir_ / name;
    std::filesystem::copy_file(path_, copy);
    sqlite3* raw = nullptr;
    sqlite3_open(copy.c_str(), &raw);
    std::string count = "no table";
    sqlite3_exec(
        raw, "SELECT count(*) FROM batches",
        [](void* to, int, char** values, char**) {
          *static_cast<std::string*>(to) = values[0];
          return 0;
        },
        &count, nullptr);
    sqlite3_close(raw);
    return count;
  };
  EXPECT_EQ(copied("tables.db"), "0");
  open->write(sample_batch(1));
  open->flush();
  EXPECT_EQ(copied("first.db"), "1") << "no checkpoint for a second: it is due";
  open->write(sample_batch(2));
  open->flush();
  open->sync();
  EXPECT_EQ(copied("rows.db"), "2");
  EXPECT_GT(std::filesystem::file_size(path_ + "-wal"), 0U);
  open->sync();
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), 0U) << "when nothing comes any more";
}

TEST_F(SqliteSinkTest, GoesOnWhileAReaderHoldsAnOldSnapshot) {
  auto open = sink();
  open->open();
  open->write(sample_batch(1));
  open->flush();
  sqlite3* reader = nullptr;
  sqlite3_open(path_.c_str(), &reader);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM batch_rows", nullptr, nullptr, nullptr), SQLITE_OK);
  open->write(sample_batch(2));
  open->flush();
  open->sync();
  open->sync();
  sqlite3_close(reader);
  EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{"2"}}));
}

TEST_F(SqliteSinkTest, LaterLifeSupersedesFromWhereItBegan) {
  fill({batch_of(10, 1, 1, 0, 1.0), batch_of(10, 2, 1, 1, 0.9), batch_of(10, 3, 2, 0, 0.8), batch_of(10, 4, 2, 1, 0.7),
        batch_of(20, 1, 2, 0, 0.5), batch_of(20, 2, 2, 1, 0.4)});
  EXPECT_EQ(rows("SELECT epoch,batch_idx,batch_loss FROM current_batches ORDER BY epoch,batch_idx"),
            (Rows{{"1", "0", "1.0"}, {"1", "1", "0.9"}, {"2", "0", "0.5"}, {"2", "1", "0.4"}}));
  EXPECT_EQ(rows("SELECT incarnations,incarnation,batch_loss FROM trainers"), (Rows{{"2", "20", "0.4"}}));
  EXPECT_EQ(rows("SELECT run,trainers,incarnations FROM runs"), (Rows{{"r", "1", "2"}}));
}

TEST_F(SqliteSinkTest, UnfoldsPredictionsWithTheirNames) {
  auto batch = sample_batch(1);
  auto& data = *batch.message.mutable_batch_data();
  for (const int truth : {1, 0}) {
    data.add_ground_truth(truth);
    data.add_predictions()->set_predicted_class(1);
    data.mutable_predictions(data.predictions_size() - 1)->set_confidence(0.5F);
  }
  data.mutable_predictions(1)->set_confidence(std::nanf(""));
  auto status = test::sample_status(1, "m");
  status.message.mutable_status_update()->mutable_config()->add_class_names("cat");
  status.message.mutable_status_update()->mutable_config()->add_class_names("\"dog\"");
  fill({status, batch});
  EXPECT_EQ(rows("SELECT item,truth,predicted_class,confidence,truth_label,predicted_label FROM predictions"),
            (Rows{{"0", "1", "1", "0.5", "\"dog\"", "\"dog\""}, {"1", "0", "1", "-", "cat", "\"dog\""}}));
}

TEST_F(SqliteSinkTest, RefusesWhatIsNotItsFileAndLeavesItAsItIs) {
  std::ofstream(path_) << "a text, longer than the header of a database: " << std::string(200, 'x');
  EXPECT_EQ(failure_of([&] { sink()->open(); }), '\'' + path_ + "': file is not a database");
  std::filesystem::remove(path_);
  sqlite3* raw = nullptr;
  sqlite3_open(path_.c_str(), &raw);
  sqlite3_exec(raw, "CREATE TABLE mine(x)", nullptr, nullptr, nullptr);
  EXPECT_EQ(failure_of([&] { sink()->open(); }), '\'' + path_ + "': is a database of another program");
  EXPECT_EQ(rows("SELECT name FROM sqlite_master"), (Rows{{"mine"}}));
  EXPECT_EQ(rows("PRAGMA journal_mode"), (Rows{{"delete"}}));
  sqlite3_close(raw);
  std::filesystem::remove(path_);
  fill({});
  rows("PRAGMA user_version=7");
  EXPECT_EQ(failure_of([&] { sink()->open(); }),
            '\'' + path_ + "': has tables of version 7, this trainbus-log writes version 2");
  EXPECT_THAT(failure_of([&] {
                test::SinkUnderTest<SqliteSink>(test::OptionValues{{"path", dir_ / "no/x.db"}}).open();
              }),
              HasSubstr("no/x.db': unable to open database file"));
  EXPECT_EQ(failure_of([&] {
              test::SinkUnderTest<SqliteSink> none(test::OptionValues{{"path", ""}});
            }),
            "path '': must name a file");
}

TEST_F(SqliteSinkTest, NoticesThatItsFileIsGone) {
  auto lost = sink();
  lost->open();
  lost->write(sample_batch(1));
  lost->flush();
  std::filesystem::remove(path_);
  EXPECT_EQ(failure_of([&] { lost->sync(); }), '\'' + path_ + "': was removed or replaced");
  EXPECT_TRUE(lost->open().empty()) << "a new one";
}

TEST_F(SqliteSinkTest, SaysWhenTheDiskTakesNoMoreAndGoesOnAfterwards) {
  auto full = sink();
  full->open();
  full->write(sample_batch(1));
  full->flush();
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto failure = failure_of([&] {
    for (std::uint64_t sequence = 2; sequence <= 5000; ++sequence)
      full->write(sample_batch(sequence));
    full->flush();
  });
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(failure, '\'' + path_ + "': disk I/O error");
  const auto had = full->open().begin()->second;
  EXPECT_EQ((had - 1) % SqliteSink::kMostWaiting, 0U) << "whole transactions";
  EXPECT_LT(had, 5000U);
  full->write(sample_batch(had + 1));
  full->flush();
  EXPECT_EQ(rows("SELECT count(*) FROM batches"), (Rows{{std::to_string(had + 1)}}));
}

}  // namespace
}  // namespace trainbus
