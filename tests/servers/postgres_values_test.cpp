// What the PostgreSQL sink makes of named values, media, settings, and of a training that was resumed, in a real
// server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "consumers/log/postgres/postgres_sink.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/rich_training.hpp"
#include "tests/support/sink_under_test.hpp"

namespace trainbus {
namespace {

using test::PostgresServer;

class PostgresValues : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PostgresServer::programs().empty()) server_ = std::make_unique<PostgresServer>();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "no PostgreSQL: scripts/install-packages installs it";
  }
  void TearDown() override {
    if (server_) query("DROP SCHEMA IF EXISTS trainbus CASCADE");
  }
  static StreamHeads fill(const std::vector<Record>& records) {
    test::SinkUnderTest<PostgresSink> sink(test::OptionValues{{"to", server_->url()}});
    auto heads = sink.open();
    for (const auto& record : records)
      sink.write(record);
    sink.flush();
    return heads;
  }
  // Unqualified names are the schema's.
  static std::string query(const std::string& sql) {
    return server_->query("SET search_path = trainbus; SET client_min_messages = warning; " + sql);
  }

  static std::unique_ptr<PostgresServer> server_;
};
std::unique_ptr<PostgresServer> PostgresValues::server_;

TEST_F(PostgresValues, HasEachNamedValueOfARecordInARow) {
  fill(test::rich_training());
  EXPECT_EQ(query("SELECT name, value FROM scalars WHERE kind = 'batch' AND sequence = 2 ORDER BY name"),
            "disc_loss|NaN\ngen_loss|1.25\ngrad/low|-Infinity\ngrad/norm|Infinity\nhuge|1e+308\n" + test::long_name() +
                "|3\n" + test::kQuotedName + "|0.1\nzero|-0\n");
  EXPECT_EQ(query("SELECT kind, sequence, step, epoch, name, value FROM scalars WHERE kind <> 'batch' ORDER BY 1, 5"),
            "epoch|1|2|1|val/iou|0.5\nscalars|1|2||reward/0|0\nscalars|1|2||reward/1|1\n");
  EXPECT_EQ(query("SELECT scalars ->> 'gen_loss', scalars ->> 'disc_loss' FROM wide_scalars WHERE kind = 'batch' AND "
                  "sequence = 1"),
            "1.25|NaN\n");
  EXPECT_EQ(query("SELECT batch_loss, batch_accuracy IS NULL FROM batches"), "NaN|t\nNaN|t\n");
  EXPECT_EQ(query("SELECT average_loss, validation_loss IS NULL FROM epochs"), "Infinity|t\n");
}

TEST_F(PostgresValues, HasMediaWithTheirContent) {
  fill(test::rich_training());
  EXPECT_EQ(query("SELECT sequence, step, name, type FROM media ORDER BY sequence"),
            "1|2|sample|text\n2|2|generated/faces|images\n3|2|weights|histogram\n4|2|confusion|table\n");
  EXPECT_EQ(query("SELECT content FROM media WHERE type = 'text'"), std::string(test::kSampleText) + '\n');
  EXPECT_EQ(query("SELECT content::jsonb -> 'edges' ->> 2 FROM media WHERE type = 'histogram'"), "2.5\n");
  EXPECT_EQ(query("SELECT content::jsonb -> 'values' ->> 1 FROM media WHERE type = 'table'"), "NaN\n");
  EXPECT_EQ(query("SELECT name, item, caption, format, width, height, channels, image = "
                  "'\\xffd8206e6f742c207265616c6c790a00226a706567'::bytea FROM media_images JOIN media USING "
                  "(run, trainer, incarnation, sequence) ORDER BY item"),
            "generated/faces|0|good|jpeg|32|16|3|t\ngenerated/faces|1|bad, \"very\"|jpeg|32|16|3|t\n");
}

TEST_F(PostgresValues, HasTheSettingsAndKnobsOfTheNewestPlan) {
  auto changed = test::rich_status(2);
  auto& parameters = *changed.message.mutable_status_update()->mutable_config()->mutable_parameters();
  parameters["lr"] = "0.2";
  parameters["zero"] = std::string("a\0b\\u0000", 9);
  fill({test::rich_status(1), changed, test::sample_status(3, "without a plan")});
  EXPECT_EQ(query("SELECT name, value FROM parameters WHERE name <> 'env/host' ORDER BY name"),
            "lr|0.2\nzero|a\uFFFDb\\u0000\n");
  EXPECT_EQ(query("SELECT name, type, value, min, max FROM knobs ORDER BY name"),
            "save_checkpoint|ACTION|||\nweight_decay|NUMBER|0.5|0|1\n");
  EXPECT_EQ(query("SELECT tags[2], notes, first_step FROM status ORDER BY sequence"),
            "night, long|two losses|0\nnight, long|two losses|0\n||\n");
}

TEST_F(PostgresValues, KeepsEveryRecordOnceAndKnowsIt) {
  auto records = test::rich_training();
  records.push_back(test::rich_scalars(2, 2000));
  EXPECT_TRUE(fill(records).empty());
  const auto heads = fill(records);  // as a second writer
  EXPECT_EQ(heads.at(test::stream_of(test::rich_scalars(1))), 2U);
  EXPECT_EQ(heads.at(test::stream_of(test::rich_media()[0])), 4U);
  EXPECT_EQ(query("SELECT count(*), (SELECT count(*) FROM media_images), (SELECT count(*) FROM lives) FROM scalars"),
            "2019|2|1\n");
}

TEST_F(PostgresValues, ContinuesTheCurveOfAResumedTraining) {
  for (const int said : {-1, 320}) {
    fill(test::trained({.incarnation = 9, .last_epoch = 8}));
    fill(test::trained({.incarnation = 5, .first_epoch = 9, .last_epoch = 10, .batches = 20, .first_step = said}));
    EXPECT_EQ(query("SELECT count(*), min(total_step), max(total_step), count(DISTINCT total_step) FROM "
                    "current_batches"),
              "360|1|360|360\n");
    EXPECT_EQ(query("SELECT count(*), min(total_step), max(total_step) FROM current_epochs"), "10|40|360\n");
    EXPECT_EQ(query("SELECT count(*), count(DISTINCT total_step) FROM current_scalars"), "360|360\n");
    EXPECT_EQ(query("SELECT incarnation, first_step, batches FROM trainers"), "5|320|40\n");
    query("DROP SCHEMA trainbus CASCADE");
  }
}

TEST_F(PostgresValues, SupersedesOnlyWhatIsDoneAgain) {
  fill(test::trained({.incarnation = 1, .last_epoch = 8}));
  fill(test::trained({.incarnation = 2, .first_epoch = 5, .last_epoch = 6}));
  fill(test::trained({.incarnation = 3, .first_epoch = 3, .last_epoch = 3, .batches = 10}));
  auto failed = test::trained({.incarnation = 4, .first_step = 0});
  failed.resize(1);
  fill(failed);
  EXPECT_EQ(query("SELECT count(*), min(total_step), max(total_step), count(DISTINCT total_step) FROM current_batches"),
            "90|1|90|90\n");
  EXPECT_EQ(query("SELECT count(*) FROM batches"), "410\n");
}

TEST_F(PostgresValues, GivesTheTablesOfAFormerVersionWhatTheyLack) {
  query("CREATE SCHEMA trainbus");
  query(
      "CREATE TABLE heads(kind text COLLATE \"C\" NOT NULL, run text COLLATE \"C\" NOT NULL, trainer text COLLATE "
      "\"C\" NOT NULL, incarnation bigint NOT NULL, sequence bigint NOT NULL, PRIMARY KEY (run, trainer, incarnation, "
      "kind))");
  query(
      "CREATE TABLE status(run text, trainer text, incarnation bigint, sequence bigint, timestamp_ms bigint, step "
      "bigint, status text, message text, total_epochs integer, batches_per_epoch integer, batch_size integer, "
      "learning_rate double precision, model_name text, dataset_name text, class_names text[], PRIMARY KEY(run, "
      "trainer, incarnation, sequence))");
  query("CREATE VIEW runs AS SELECT run FROM heads");
  query("INSERT INTO heads VALUES('status', 'r', 't0', 7, 3)");
  EXPECT_EQ(fill({test::rich_status(1)}).size(), 1U);
  EXPECT_EQ(query("SELECT notes, jsonb_typeof(knobs) FROM status"), "two losses|array\n");
  EXPECT_EQ(query("SELECT count(*) FILTER (WHERE site = '') FROM heads"), "2\n");
  EXPECT_EQ(query("SELECT incarnation FROM lives ORDER BY life"),
            "7\n" + std::to_string(test::kSampleIncarnation) + '\n');
  query("COMMENT ON SCHEMA trainbus IS 'trainbus tables of version 99'");
  EXPECT_THAT(test::failure_of([] { fill({}); }), testing::HasSubstr("has trainbus tables of version 99"));
}

}  // namespace
}  // namespace trainbus
