// What the CSV sink makes of named values and media, and where it goes on when its files end differently.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "consumers/log/files/csv_sink.hpp"
#include "support/rich_training.hpp"
#include "support/sink_under_test.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using testing::HasSubstr;

class CsvValues : public testing::Test {
 protected:
  CsvValues() { spdlog::set_level(spdlog::level::off); }
  std::unique_ptr<test::SinkUnderTest<CsvSink>> sink() {
    return std::make_unique<test::SinkUnderTest<CsvSink>>(test::OptionValues{{"path", folder_}});
  }
  // What it has at the start.
  StreamHeads fill(const std::vector<Record>& records) {
    auto filled = sink();
    auto heads = filled->open();
    for (const auto& record : records)
      filled->write(record);
    filled->flush();
    filled->sync();
    return heads;
  }
  std::string text(const std::string& file) const {
    std::ostringstream bytes;
    bytes << std::ifstream(folder_ + '/' + file).rdbuf();
    return bytes.str();
  }
  void cut(const std::string& file, std::size_t bytes) {
    std::filesystem::resize_file(folder_ + '/' + file, text(file).size() - bytes);
  }
  void forget_heads() {
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      if (entry.path().extension() == ".heads") std::filesystem::remove(entry.path());
  }

  test::TempDir dir_;
  const std::string folder_ = dir_ / "csv";
  const std::string key_ = "r,t0," + std::to_string(test::kSampleIncarnation) + ',';
};

TEST_F(CsvValues, HasEachNamedValueOfARecordInALine) {
  fill(test::rich_training());
  const auto lines = text("scalars.csv");
  EXPECT_TRUE(lines.starts_with(
      "run,trainer,incarnation,sequence,timestamp_ms,kind,step,epoch,name,value\n" + key_ +
      "1,1763900000001,batch,1,1,disc_loss,nan\n" + key_ + "1,1763900000001,batch,1,1,gen_loss,1.25\n" + key_ +
      "1,1763900000001,batch,1,1,grad/low,-inf\n" + key_ + "1,1763900000001,batch,1,1,grad/norm,inf\n" + key_ +
      "1,1763900000001,batch,1,1,huge,1e+308\n"))
      << lines;
  EXPECT_THAT(lines, HasSubstr("batch,1,1," + test::long_name() + ",3\n"));
  EXPECT_THAT(lines, HasSubstr("batch,2,1,\"val/\"\"iou\"\", % {a|b}\",0.1\n"));
  EXPECT_THAT(lines, HasSubstr("batch,2,1,zero,-0\n"));
  EXPECT_THAT(lines, HasSubstr("1,1763900000001,epoch,2,1,val/iou,0.5\n"));
  EXPECT_THAT(lines, HasSubstr("1,1763900000001,scalars,2,,reward/1,1\n"));
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1 + 8 + 8 + 1 + 2);
}

TEST_F(CsvValues, HasMediaAsTextOrJson) {
  fill(test::rich_training());
  const auto rows = text("media.csv");
  EXPECT_THAT(rows, HasSubstr("2,sample,text,\"It said: \"\"no\"\",\nand went.\"\n"));
  EXPECT_THAT(rows, HasSubstr("2,weights,histogram,\"{\"\"edges\"\":[-1,0,2.5],\"\"counts\"\":[3,4]}\"\n"));
  EXPECT_THAT(rows, HasSubstr("\"\"values\"\":[7,\"\"NaN\"\"]}\"\n"));
  EXPECT_THAT(rows, HasSubstr("{\"\"width\"\":32,\"\"height\"\":16,\"\"bytes\"\":21,\"\"format\"\":\"\"jpeg\"\","));
}

TEST_F(CsvValues, HasTheSettingsOfAPlan) {
  fill({test::rich_status(1)});
  EXPECT_THAT(
      text("status.csv"),
      HasSubstr(",0,\"{\"\"env/host\"\":\"\"a \\\"\"host\\\"\", with\\nlines\"\",\"\"lr\"\":\"\"0.1\"\"}\",\"gan|"
                "night, long\",two losses,\"[{\"\"name\"\":\"\"weight_decay\"\","));
}

TEST_F(CsvValues, KnowsWhatItHasOfRecordsWithAndWithoutValues) {
  fill({test::rich_batch(1), test::sample_batch(2), test::rich_scalars(1)});
  const auto heads = fill({});
  EXPECT_EQ(heads.at(test::stream_of(test::rich_batch(1))), 2U);
  EXPECT_EQ(heads.at(test::stream_of(test::rich_scalars(1))), 1U);
}

// Every place where a sudden end may have cut the values short, with and without FILE.heads.
TEST_F(CsvValues, WritesTheRestOfARecordWhoseValuesWereCutShort) {
  const std::vector<Record> all{test::rich_batch(1), test::rich_batch(2), test::rich_epoch(1)};
  fill(all);
  const auto whole = text("scalars.csv"), batches = text("batch.csv");
  const auto header = whole.find('\n') + 1;
  for (std::size_t bytes = 0; bytes <= whole.size() - header; bytes += 17) {
    std::filesystem::remove_all(folder_);
    fill(all);
    forget_heads();
    cut("scalars.csv", bytes);
    const auto heads = fill({});
    auto again = sink();
    const auto known = again->open();
    EXPECT_EQ(known, heads);
    for (const auto& record : all) {
      const auto head = known.find(test::stream_of(record));
      if (head == known.end() || record.message.sequence() > head->second) again->write(record);
    }
    again->flush();
    ASSERT_EQ(text("scalars.csv"), whole) << bytes << " bytes cut off";
    ASSERT_EQ(text("batch.csv"), batches);
  }
}

TEST_F(CsvValues, WritesABatchAgainThatOnlyItsValuesHave) {
  fill({test::rich_batch(1), test::rich_batch(2)});
  const auto whole = text("scalars.csv"), batches = text("batch.csv");
  forget_heads();
  cut("batch.csv", 10);
  auto again = sink();
  EXPECT_EQ(again->open().at(test::stream_of(test::rich_batch(1))), 1U);
  again->write(test::rich_batch(2));
  again->flush();
  EXPECT_EQ(text("scalars.csv"), whole);
  EXPECT_EQ(text("batch.csv"), batches);
}

TEST_F(CsvValues, KeepsTwoThousandValuesOfOneRecord) {
  fill({test::rich_scalars(1, 2000)});
  fill({});
  const auto lines = text("scalars.csv");
  EXPECT_EQ(std::ranges::count(lines, '\n'), 2001);
}

}  // namespace
}  // namespace trainbus
