// What the SQLite sink makes of named values, media, settings, and of a training that was resumed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consumers/log/sqlite/sqlite_sink.hpp"
#include "support/rich_training.hpp"
#include "support/sink_under_test.hpp"
#include "support/sqlite_reader.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using Rows = test::SqliteRows;

class SqliteValues : public testing::Test {
 protected:
  void fill(const std::vector<Record>& records) {
    test::SinkUnderTest<SqliteSink> sink(test::OptionValues{{"path", path_}});
    sink.open();
    for (const auto& record : records)
      sink.write(record);
    sink.flush();
  }
  Rows rows(const std::string& sql) const { return test::sqlite_rows(path_, sql); }
  // Of kSampleImage.
  static std::string hex() {
    std::string digits;
    for (const char byte : test::kSampleImage) {
      digits += "0123456789ABCDEF"[static_cast<unsigned char>(byte) >> 4];
      digits += "0123456789ABCDEF"[byte & 15];
    }
    return digits;
  }

  test::TempDir dir_;
  const std::string path_ = dir_ / "x.db";
};

TEST_F(SqliteValues, HasEachNamedValueOfARecordInARow) {
  fill(test::rich_training());
  EXPECT_EQ(rows("SELECT name, value, value IS NULL FROM scalars WHERE kind = 'batch' AND sequence = 2 ORDER BY name"),
            (Rows{{"disc_loss", "-", "1"},
                  {"gen_loss", "1.25", "0"},
                  {"grad/low", "-Inf", "0"},
                  {"grad/norm", "Inf", "0"},
                  {"huge", "1.0e+308", "0"},
                  {test::long_name(), "3.0", "0"},
                  {test::kQuotedName, "0.1", "0"},
                  {"zero", "0.0", "0"}}));
  EXPECT_EQ(rows("SELECT kind, sequence, step, epoch, name, value FROM scalars WHERE kind <> 'batch' ORDER BY 1, 5"),
            (Rows{{"epoch", "1", "2", "1", "val/iou", "0.5"},
                  {"scalars", "1", "2", "-", "reward/0", "0.0"},
                  {"scalars", "1", "2", "-", "reward/1", "1.0"}}));
}

TEST_F(SqliteValues, HasTheValuesOfARecordInOneRowToo) {
  fill(test::rich_training());
  EXPECT_EQ(rows("SELECT scalars ->> 'gen_loss', scalars ->> 'grad/norm' = 9e999, scalars ->> 'disc_loss',"
                 " json_type(scalars, '$.disc_loss'), scalars ->> 'no such' FROM wide_scalars"
                 " WHERE kind = 'batch' AND sequence = 1"),
            (Rows{{"1.25", "1", "-", "null", "-"}}));
  EXPECT_EQ(rows("SELECT count(*) FROM wide_scalars"), (Rows{{"4"}}));
}

TEST_F(SqliteValues, TellsWhatWasNotSaidFromWhatIsNotANumber) {
  auto said = test::sample_batch(3);
  said.message.mutable_batch_data()->set_batch_loss(0.5);
  auto silent = test::sample_batch(4);
  silent.message.mutable_batch_data()->clear_batch_loss();
  silent.message.mutable_batch_data()->set_learning_rate(test::kNan);
  fill({test::rich_batch(2), said, silent});
  EXPECT_EQ(rows("SELECT sequence, batch_loss, nan FROM batches ORDER BY sequence"),
            (Rows{{"2", "-", "[\"batch_loss\"]"}, {"3", "0.5", "-"}, {"4", "-", "[\"learning_rate\"]"}}));
  EXPECT_EQ(rows("SELECT avg(batch_loss), max(batch_loss) FROM batches"), (Rows{{"0.5", "0.5"}}));
}

TEST_F(SqliteValues, HasMediaWithTheirContent) {
  fill(test::rich_training());
  EXPECT_EQ(rows("SELECT sequence, step, name, type FROM media ORDER BY sequence"),
            (Rows{{"1", "2", "sample", "text"},
                  {"2", "2", "generated/faces", "images"},
                  {"3", "2", "weights", "histogram"},
                  {"4", "2", "confusion", "table"}}));
  EXPECT_EQ(rows("SELECT content FROM media WHERE type = 'text'"), (Rows{{test::kSampleText}}));
  EXPECT_EQ(rows("SELECT content FROM media WHERE type = 'histogram'"),
            (Rows{{R"({"edges":[-1,0,2.5],"counts":[3,4]})"}}));
  EXPECT_EQ(rows("SELECT content FROM media WHERE type = 'table'"),
            (Rows{{R"({"columns":["cat","dog"],"rows":["cat"],"values":[7,"NaN"]})"}}));
  EXPECT_EQ(rows("SELECT content ->> '$[1].caption', content ->> '$[1].bytes' FROM media WHERE type = 'images'"),
            (Rows{{"bad, \"very\"", "21"}}));
  EXPECT_EQ(rows("SELECT name, item, caption, format, width, height, channels, hex(image) = '" + hex() +
                 "' FROM media_images ORDER BY item"),
            (Rows{{"generated/faces", "0", "good", "jpeg", "32", "16", "3", "1"},
                  {"generated/faces", "1", "bad, \"very\"", "jpeg", "32", "16", "3", "1"}}));
}

TEST_F(SqliteValues, HasTheSettingsAndKnobsOfTheNewestPlan) {
  auto changed = test::rich_status(2);
  (*changed.message.mutable_status_update()->mutable_config()->mutable_parameters())["lr"] = "0.2";
  fill({test::rich_status(1), changed, test::sample_status(3, "without a plan")});
  EXPECT_EQ(rows("SELECT run, trainer, name, value FROM parameters ORDER BY name"),
            (Rows{{"r", "t0", "env/host", "a \"host\", with\nlines"}, {"r", "t0", "lr", "0.2"}}));
  EXPECT_EQ(
      rows("SELECT name, type, value, min, max, help FROM knobs ORDER BY name"),
      (Rows{{"save_checkpoint", "ACTION", "", "-", "-", "now"}, {"weight_decay", "NUMBER", "0.5", "0", "1", ""}}));
  EXPECT_EQ(rows("SELECT tags, notes, first_step FROM status WHERE sequence = 2"),
            (Rows{{R"(["gan","night, long"])", "two losses", "0"}}));
  EXPECT_EQ(rows("SELECT tags, notes, first_step, model_name FROM status WHERE sequence = 3"),
            (Rows{{"-", "-", "-", "-"}}));
}

TEST_F(SqliteValues, KeepsTwoThousandValuesOfOneRecord) {
  fill({test::rich_scalars(1, 2000)});
  EXPECT_EQ(rows("SELECT count(*), sum(value), count(DISTINCT name) FROM scalars"),
            (Rows{{"2000", "1999000.0", "2000"}}));
  fill({test::rich_scalars(1, 2000)});
  EXPECT_EQ(rows("SELECT count(*) FROM scalars"), (Rows{{"2000"}}));
}

class SqliteResumed : public SqliteValues {
 protected:
  void train(const std::vector<test::TrainedLife>& lives) {
    for (const auto& life : lives)
      fill(test::trained(life));
  }
  // Batches of the current curve, its first and last step, and how many steps it has.
  Rows batches() const {
    return rows("SELECT count(*), min(total_step), max(total_step), count(DISTINCT total_step) FROM current_batches");
  }
};

TEST_F(SqliteResumed, ContinuesItsCurveWithAnotherBatchSize) {
  for (const int said : {-1, 320}) {
    std::filesystem::remove(path_);
    // The newer incarnation has the smaller number: its clock was set back.
    train({{.incarnation = 9, .last_epoch = 8},
           {.incarnation = 5, .first_epoch = 9, .last_epoch = 10, .batches = 20, .first_step = said}});
    EXPECT_EQ(batches(), (Rows{{"360", "1", "360", "360"}})) << said;
    EXPECT_EQ(rows("SELECT count(*), min(total_step), max(total_step) FROM current_epochs"),
              (Rows{{"10", "40", "360"}}));
    EXPECT_EQ(rows("SELECT count(*), count(DISTINCT total_step) FROM current_scalars"), (Rows{{"360", "360"}}));
    EXPECT_EQ(rows("SELECT incarnations, incarnation, total_step FROM trainers"), (Rows{{"2", "5", "360"}}));
  }
}

TEST_F(SqliteResumed, SupersedesOnlyWhatIsDoneAgain) {
  train({{.incarnation = 1, .last_epoch = 8},
         {.incarnation = 2, .first_epoch = 5, .last_epoch = 6},
         {.incarnation = 3, .first_epoch = 3, .last_epoch = 3, .batches = 10}});
  EXPECT_EQ(batches(), (Rows{{"90", "1", "90", "90"}}));
  EXPECT_EQ(rows("SELECT incarnation, first_step FROM incarnations ORDER BY incarnation"),
            (Rows{{"1", "0"}, {"2", "160"}, {"3", "80"}}));
  EXPECT_EQ(rows("SELECT incarnation, count(*) FROM batches GROUP BY incarnation"),
            (Rows{{"1", "320"}, {"2", "80"}, {"3", "10"}}))
      << "the older lives are still there";
}

TEST_F(SqliteResumed, BeginsAnewWhenItSaysSo) {
  train({{.incarnation = 1, .last_epoch = 2}, {.incarnation = 2, .last_epoch = 1, .first_step = 0}});
  EXPECT_EQ(batches(), (Rows{{"40", "1", "40", "40"}}));
}

TEST_F(SqliteResumed, SupersedesNothingBeforeItsFirstBatch) {
  train({{.incarnation = 1, .last_epoch = 2}});
  auto failed = test::trained({.incarnation = 2, .first_step = 0});
  failed.resize(1);
  fill(failed);
  EXPECT_EQ(batches(), (Rows{{"80", "1", "80", "80"}}));
}

TEST_F(SqliteResumed, PlacesWhoSaysNoStepsByItsRecords) {
  auto first = test::trained({.incarnation = 1, .first_epoch = 0, .last_epoch = 5, .batches = 10});
  auto second = test::trained({.incarnation = 2, .first_epoch = 6, .last_epoch = 9, .batches = 10});
  for (auto* life : {&first, &second})
    for (auto& record : *life)
      if (record.message.has_batch_data()) record.message.mutable_batch_data()->clear_step();
  fill(first);
  fill(second);
  EXPECT_EQ(batches(), (Rows{{"100", "1", "100", "100"}}));
}

TEST_F(SqliteResumed, KeepsTheCurveOfWhoCountsStepsOverAllLives) {
  train({{.incarnation = 1, .last_epoch = 8}});
  auto second = test::trained({.incarnation = 2, .first_epoch = 9, .last_epoch = 10, .batches = 20});
  for (auto& record : second)
    if (record.message.has_batch_data())
      record.message.mutable_batch_data()->set_step(record.message.batch_data().step() + 320);
  fill(second);
  EXPECT_EQ(batches(), (Rows{{"360", "1", "360", "360"}}));
}

TEST_F(SqliteResumed, PlacesALifeByItsPlanWhenNothingIsKnownBefore) {
  train({{.incarnation = 1, .first_epoch = 5, .last_epoch = 6}});
  EXPECT_EQ(batches(), (Rows{{"80", "161", "240", "80"}}));
}

// The tables as version 1 made them, with a command in its words.
constexpr char kVersion1[] = R"(
CREATE TABLE lives(life INTEGER PRIMARY KEY, run TEXT NOT NULL, trainer TEXT NOT NULL, incarnation INTEGER NOT NULL,
  UNIQUE(run, trainer, incarnation));
CREATE TABLE batch_rows(life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,
  step INTEGER, epoch INTEGER, batch_idx INTEGER, batch_size INTEGER, batch_loss REAL, batch_accuracy REAL,
  learning_rate REAL, ground_truth TEXT, predicted_class TEXT, confidence TEXT, PRIMARY KEY(life, sequence)) WITHOUT ROWID;
CREATE TABLE command_rows(life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL,
  timestamp_ms INTEGER NOT NULL, command_id TEXT, type TEXT, value NUMERIC, state TEXT, issuer TEXT, deadline_ms INTEGER,
  applied_step INTEGER, old_value NUMERIC, new_value NUMERIC, reason TEXT, PRIMARY KEY(life, sequence)) WITHOUT ROWID;
CREATE VIEW batches AS SELECT * FROM lives JOIN batch_rows USING(life);
CREATE VIEW commands AS SELECT * FROM lives JOIN command_rows USING(life);
CREATE TABLE mine(x);
INSERT INTO lives VALUES(1, 'r', 't0', 7);
INSERT INTO batch_rows VALUES(1, 1, 5, 1, 1, 0, 64, 0.25, NULL, 0.1, NULL, NULL, NULL);
INSERT INTO command_rows VALUES(1, 1, 5, 'id', 'set-lr', 0.5, 'APPLIED', 'me', 0, 3, 0.1, 0.5, NULL);
PRAGMA application_id = 1953653363;
PRAGMA user_version = 1;)";

TEST_F(SqliteValues, TakesOnAFileOfVersion1) {
  rows(kVersion1);
  auto batch = test::rich_batch(2);
  batch.message.set_incarnation(7);
  fill({batch});
  EXPECT_EQ(rows("PRAGMA user_version"), (Rows{{"2"}}));
  EXPECT_EQ(rows("SELECT incarnation, sequence, batch_loss, nan FROM batches"),
            (Rows{{"7", "1", "0.25", "-"}, {"7", "2", "-", "[\"batch_loss\"]"}}));
  EXPECT_EQ(rows("SELECT type, new_value, knob FROM commands"), (Rows{{"CHANGE_LEARNING_RATE", "0.5", "-"}}));
  EXPECT_EQ(rows("SELECT count(*) FROM scalars"), (Rows{{"8"}}));
  EXPECT_EQ(rows("SELECT count(*) FROM mine"), (Rows{{"0"}}));
}

TEST_F(SqliteValues, RefusesAFileOfVersion1WhereANameIsTaken) {
  rows(std::string(kVersion1) + "CREATE TABLE media(x);");
  const auto failure = test::failure_of([&] { fill({}); });
  EXPECT_EQ(failure, '\'' + path_ + "': cannot get the tables of version 2: table media already exists");
  EXPECT_EQ(rows("PRAGMA user_version"), (Rows{{"1"}}));
  EXPECT_EQ(rows("SELECT type FROM commands"), (Rows{{"set-lr"}}));
}

}  // namespace
}  // namespace trainbus
