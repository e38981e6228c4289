// The files of the log writer after every kind of sudden end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/hosted_sink.hpp"
#include "support/sample_records.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

using test::sample_batch;
using test::sample_status;
using test::stream_of;
using testing::HasSubstr;

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void add(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }

std::string refusal(HostedSink& sink) {
  try {
    sink.open();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "was opened";
}

// Small language: write records, end suddenly (drop the sink), look at the file, open again.
class LogSinks : public testing::TestWithParam<std::string> {
 protected:
  LogSinks() { spdlog::set_level(spdlog::level::off); }
  std::string text() const { return GetParam() == "jsonl" ? "jsonl:" + (dir_ / "x.jsonl") : "csv:" + (dir_ / "x"); }
  std::string status_file() const { return GetParam() == "jsonl" ? dir_ / "x.jsonl" : dir_ / "x/status.csv"; }
  std::unique_ptr<HostedSink> sink() const { return test::hosted_sink(text()); }

  StreamHeads write(std::uint64_t from, std::uint64_t to, bool sync = false) {
    const auto one = sink();
    auto heads = one->open();
    for (auto sequence = from; sequence <= to; ++sequence) {
      const auto record = sample_status(sequence, "two\n\"lines\", and a comma");
      one->write(record);
      heads[stream_of(record)] = sequence;
    }
    one->flush();
    if (sync) one->sync();
    return heads;
  }

  test::TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(, LogSinks, testing::Values("jsonl", "csv"), [](const auto& one) { return one.param; });

TEST_P(LogSinks, SaysWhatTheFileHasWhenOpenedAgain) {
  EXPECT_TRUE(sink()->open().empty());
  const auto heads = write(1, 20);
  EXPECT_EQ(sink()->open(), heads);
}

TEST_P(LogSinks, CutsAHalfWrittenLineAtEveryByte) {
  write(1, 2);
  const auto two = content(status_file());
  const auto heads = write(3, 3);
  const auto three = content(status_file());
  for (auto size = two.size(); size < three.size(); ++size) {
    std::filesystem::resize_file(status_file(), size);
    auto found = sink()->open();
    ASSERT_EQ(found.at(heads.begin()->first), 2U) << "cut at byte " << size;
    ASSERT_EQ(content(status_file()), two);
    add(status_file(), three.substr(two.size()));
  }
  EXPECT_EQ(sink()->open(), heads);
}

TEST_P(LogSinks, ReadsOnlyWhatFollowsTheSavedHeads) {
  write(1, 50, true);
  const auto heads = write(51, 60);
  // Damage before the offset, and further back than the check looks, goes unread.
  auto text = content(status_file());
  const auto at = text.find(std::to_string(test::kSampleIncarnation));
  ASSERT_LT(at + 4500, text.size());
  text[at] = '#';
  std::ofstream(status_file()) << text;
  EXPECT_EQ(sink()->open(), heads);
  std::filesystem::remove(status_file() + ".heads");
  EXPECT_THAT(refusal(*sink()), HasSubstr("is not a record"));
}

TEST_P(LogSinks, DistrustsSavedHeadsOfAnotherFile) {
  write(1, 50, true);
  const auto saved = content(status_file() + ".heads");
  ASSERT_THAT(saved, HasSubstr("end\n"));
  std::filesystem::remove(status_file());
  EXPECT_EQ(write(1, 3).begin()->second, 3U) << "shorter than the saved offset";
  std::ofstream(status_file() + ".heads") << saved;
  const auto heads = write(4, 80);
  EXPECT_EQ(sink()->open(), heads);
  std::filesystem::remove(status_file());
  write(7, 90);
  EXPECT_EQ(sink()->open().begin()->second, 90U) << "longer, but other bytes";
}

TEST_P(LogSinks, RefusesAndLeavesAloneWhatIsNotItsOwn) {
  sink()->open();
  std::ofstream(status_file()) << "somebody's notes, no newline";
  EXPECT_THAT(refusal(*sink()), HasSubstr("holds something else"));
  EXPECT_EQ(content(status_file()), "somebody's notes, no newline");
}

TEST_P(LogSinks, RefusesADamagedRecordAndNamesItsPlace) {
  write(1, 2);
  const auto good = content(status_file()).size();
  add(status_file(), "garbage\n");
  EXPECT_THAT(refusal(*sink()), HasSubstr("line at byte " + std::to_string(good)));
  EXPECT_EQ(content(status_file()).size(), good + 8);
}

TEST_P(LogSinks, RefusesAFileThatIsBeingWritten) {
  const auto writer = sink();
  writer->open();
  EXPECT_THAT(refusal(*sink()), HasSubstr("another trainbus-log"));
}

TEST_P(LogSinks, OpensAgainAfterAFailure) {
  const auto one = sink();
  const auto record = sample_status(1, "m");
  one->open();
  one->write(record);
  one->flush();
  const auto before = content(status_file());
  std::filesystem::remove(status_file());
  EXPECT_THROW(one->sync(), std::runtime_error);
  EXPECT_TRUE(one->open().empty()) << "a fresh file has nothing yet";
  one->write(record);
  one->flush();
  EXPECT_EQ(content(status_file()), before);
}

TEST(JsonlSink, WritesAnEmptyFirstLineNowhere) {
  test::TempDir dir;
  const auto sink = test::hosted_sink("jsonl:" + (dir / "x.jsonl"));
  sink->open();
  EXPECT_EQ(content(dir / "x.jsonl"), "");
  sink->write(sample_batch(1));
  EXPECT_EQ(content(dir / "x.jsonl"), "") << "whole lines, at the flush";
  sink->flush();
  EXPECT_THAT(content(dir / "x.jsonl"), testing::StartsWith(R"({"kind":"batch","run":"r","trainer":"t0")"));
}

TEST(JsonlSink, RefusesALineThatLostItsEnd) {
  test::TempDir dir;
  const auto path = dir / "x.jsonl";
  const auto sink = test::hosted_sink("jsonl:" + path);
  sink->open();
  sink->write(sample_batch(1));
  sink->flush();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
  add(path, "\n");
  EXPECT_THAT(refusal(*sink), HasSubstr("is not a record"));
}

TEST(CsvSink, StartsEveryFileWithItsHeaderAlsoWhenThatWasCut) {
  test::TempDir dir;
  const auto path = dir / "x/batch.csv";
  test::hosted_sink("csv:" + (dir / "x"))->open();
  const auto header = content(path);
  EXPECT_THAT(header, testing::StartsWith("run,trainer,incarnation,sequence,timestamp_ms,step,epoch"));
  std::filesystem::resize_file(path, 10);
  test::hosted_sink("csv:" + (dir / "x"))->open();
  EXPECT_EQ(content(path), header);
}

}  // namespace
}  // namespace trainbus
