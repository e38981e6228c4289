#include "consumers/log/files/csv_row.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "consumers/log/files/csv_tables.hpp"
#include "support/hosted_sink.hpp"
#include "support/sample_records.hpp"

namespace trainbus {
namespace {

std::string quoted(std::string_view value) {
  std::string out;
  CsvRow(out).text(value);
  return out;
}

std::string csv_of(const Record& record) {
  std::string row;
  test::as_sink_record(record, [&](const SinkRecord& faced) { append_csv(row, faced); });
  return row;
}

int fields_of(std::string_view row) {
  int fields = 1;
  bool in_quotes = false;
  for (const char byte : row) {
    if (byte == '"') in_quotes = !in_quotes;
    fields += byte == ',' && !in_quotes;
  }
  return fields;
}

TEST(CsvRow, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(quoted("plain text"), "plain text");
  EXPECT_EQ(quoted("a,b"), "\"a,b\"");
  EXPECT_EQ(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(quoted("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(quoted("\r"), "\"\r\"");
  EXPECT_EQ(quoted(""), "");
}

TEST(CsvRow, WritesNumbersThatReadBackTheSame) {
  std::string out;
  CsvRow row(out);
  row.number(0.1).number(std::nan("")).number(-std::numeric_limits<double>::infinity());
  row.number(std::numeric_limits<std::uint64_t>::max()).number(0.1F).none(2).number(7);
  EXPECT_EQ(out, "0.1,nan,-inf,18446744073709551615,0.1,,,7");
}

TEST(CsvRow, WritesEveryNanAlike) {
  std::string out;
  CsvRow(out).number(-std::nan("")).number(std::copysign(std::nanf("1"), -1.0F)).number(std::nanf(""));
  EXPECT_EQ(out, "nan,nan,nan");
}

TEST(CsvRecordSize, CountsLineBreaksWithinQuotesIn) {
  EXPECT_EQ(csv_record_size("a,b\nc"), 4U);
  EXPECT_EQ(csv_record_size("\"a\nb\",c\nd\n"), 8U);
  EXPECT_EQ(csv_record_size("\"say \"\"a\n\"\"\"\n"), 13U);
  EXPECT_EQ(csv_record_size("\"a\nb"), std::string_view::npos);
  EXPECT_EQ(csv_record_size("a,b"), std::string_view::npos);
}

TEST(CsvTables, EveryKeptKindFillsItsColumns) {
  for (const auto kind : kKeptKinds) {
    if (kind == v1::KIND_SCALARS) continue;
    auto record = test::sample_record(kind, 1);
    if (kind == v1::KIND_BATCH) record.message.mutable_batch_data()->add_ground_truth(3);
    if (kind == v1::KIND_STATUS) record.message.mutable_status_update()->mutable_config()->add_tags("a,b");
    const auto row = csv_of(record);
    EXPECT_EQ(fields_of(row), fields_of(csv_header(kind))) << kind_name(kind) << row;
    EXPECT_TRUE(row.starts_with("r,t0," + std::to_string(test::kSampleIncarnation) + ",1,")) << row;
  }
}

TEST(CsvTables, WritesAbsentOptionalsAsEmptyFieldsAndListsWithBars) {
  auto epoch = test::sample_record(v1::KIND_EPOCH, 2);
  epoch.message.mutable_epoch_data()->set_validation_accuracy(0.75);
  const auto row = csv_of(epoch);
  EXPECT_TRUE(row.ends_with(",false,,0.75")) << row;

  auto batch = test::sample_batch(1);
  for (const int truth : {3, 5})
    batch.message.mutable_batch_data()->add_ground_truth(truth);
  EXPECT_TRUE(csv_of(batch).ends_with(",3|5,,")) << csv_of(batch);
}

}  // namespace
}  // namespace trainbus
