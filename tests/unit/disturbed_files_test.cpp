// The files of jsonl and csv when somebody else truncates, moves, removes or writes them.
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

namespace fs = std::filesystem;
using test::sample_batch;
using test::stream_of;
using testing::HasSubstr;

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "nothing failed";
}

// Small language: put records into a sink that stays open, do something to its file, and look at what is where.
class DisturbedFiles : public testing::TestWithParam<std::string> {
 protected:
  DisturbedFiles() { spdlog::set_level(spdlog::level::off); }

  bool is_csv() const { return GetParam() == "csv"; }
  std::string text(const std::string& more = {}) const {
    return (is_csv() ? "csv:" + (dir_ / "x") : "jsonl:" + (dir_ / "x.jsonl")) + more;
  }
  std::string file() const { return is_csv() ? dir_ / "x/batch.csv" : dir_ / "x.jsonl"; }
  // The sink goes, as at the end of the program, and another comes; what it says it has of t0.
  std::uint64_t open(const std::string& more = {}) {
    sink_.reset();
    sink_ = test::hosted_sink(text(more));
    const auto heads = sink_->open();
    const auto found = heads.find(stream_of(sample_batch(1)));
    return found == heads.end() ? 0 : found->second;
  }
  void write(std::uint64_t from, std::uint64_t to, const std::string& trainer = "t0") {
    for (auto sequence = from; sequence <= to; ++sequence)
      sink_->write(sample_batch(sequence, trainer));
  }
  void put(std::uint64_t from, std::uint64_t to) {
    write(from, to);
    sink_->flush();
  }
  // The sequences in a file, which must be whole: in csv with its header.
  std::vector<std::uint64_t> sequences(const std::string& path, const std::string& trainer = "t0") const {
    std::vector<std::uint64_t> found;
    std::istringstream lines(content(path));
    std::string line;
    if (is_csv()) {
      std::getline(lines, line);
      EXPECT_THAT(line, testing::StartsWith("run,trainer,incarnation,sequence,")) << path;
    }
    const auto incarnation = std::to_string(test::kSampleIncarnation);
    const auto key = is_csv() ? "r," + trainer + ',' + incarnation + ','
                              : R"("trainer":")" + trainer + R"(","incarnation":)" + incarnation + R"(,"sequence":)";
    while (std::getline(lines, line))
      if (const auto at = line.find(key); at != std::string::npos)
        found.push_back(std::stoull(line.substr(at + key.size())));
    return found;
  }
  static std::vector<std::uint64_t> range(std::uint64_t from, std::uint64_t to) {
    std::vector<std::uint64_t> all;
    for (; from <= to; ++from)
      all.push_back(from);
    return all;
  }

  test::TempDir dir_;
  std::unique_ptr<HostedSink> sink_;
};

INSTANTIATE_TEST_SUITE_P(, DisturbedFiles, testing::Values("jsonl", "csv"), [](const auto& one) { return one.param; });

TEST_P(DisturbedFiles, CopiedAndTruncatedGoOnWithAHeaderAndRepeatNothing) {
  open();
  put(1, 20);
  sink_->sync();
  put(21, 25);
  fs::copy_file(file(), file() + ".1");
  fs::resize_file(file(), 0);
  put(26, 30);
  EXPECT_EQ(sequences(file() + ".1"), range(1, 25));
  EXPECT_EQ(sequences(file()), range(26, 30));
  EXPECT_EQ(open(), 30U) << "and the next start knows both";
  put(31, 31);
  EXPECT_EQ(sequences(file()), range(26, 31));
  sink_->sync();
  sink_.reset();
  fs::resize_file(file(), 0);
  EXPECT_EQ(open(), 31U) << "emptied again, while nobody wrote it";
}

TEST_P(DisturbedFiles, TruncatedTwiceInARowBetweenAppends) {
  open();
  put(1, 3);
  for (std::uint64_t sequence = 4; sequence < 9; ++sequence) {
    fs::resize_file(file(), 0);
    put(sequence, sequence);
    EXPECT_EQ(sequences(file()), range(sequence, sequence));
  }
  EXPECT_EQ(open(), 8U);
}

TEST_P(DisturbedFiles, CutInTheMiddleOfALineKeepTheWholeLines) {
  open();
  put(1, 10);
  const auto five = content(file()).find("5", content(file()).size() / 2);
  fs::resize_file(file(), five);
  const auto left = sequences(file()).size();
  put(11, 12);
  const auto found = sequences(file());
  ASSERT_GE(found.size(), 3U);
  EXPECT_LE(found.size(), left + 2);
  EXPECT_EQ((std::vector(found.end() - 2, found.end())), range(11, 12));
  EXPECT_EQ((std::vector(found.begin(), found.end() - 2)), range(1, found.size() - 2));
  EXPECT_EQ(open(), 12U) << "every line is one of ours";
}

TEST_P(DisturbedFiles, KnowWhatWasInTheFileFromWhatStillWaits) {
  open();
  put(1, 5);
  write(6, 7);          // wait
  write(1, 3, "late");  // a stream that the file has not seen
  fs::resize_file(file(), 0);
  sink_->flush();
  EXPECT_EQ(sequences(file()), range(6, 7));
  EXPECT_EQ(sequences(file(), "late"), range(1, 3));
  // What waited was never in the old file: should the new one go too, only the old one's records are known.
  const auto parts = content((is_csv() ? dir_ / "x/batch.csv" : dir_ / "x.jsonl") + ".parts");
  EXPECT_THAT(parts, HasSubstr("r/t0 " + std::to_string(test::kSampleIncarnation) + " 5\n"));
  EXPECT_THAT(parts, testing::Not(HasSubstr("r/late")));
  EXPECT_EQ(open(), 7U);
}

TEST_P(DisturbedFiles, MovedAwayGoOnInANewFile) {
  open();
  put(1, 20);
  fs::rename(file(), file() + ".1");
  put(21, 25);
  EXPECT_EQ(sequences(file() + ".1"), range(1, 20));
  EXPECT_EQ(sequences(file()), range(21, 25));
  fs::rename(file(), file() + ".2");
  std::ofstream(file()) << "";  // as logrotate's `create` does
  put(26, 30);
  EXPECT_EQ(sequences(file()), range(26, 30));
  EXPECT_EQ(open(), 30U);
}

TEST_P(DisturbedFiles, MovedAwayAreNoticedAtASyncToo) {
  open();
  put(1, 20);
  fs::rename(file(), file() + ".1");
  sink_->sync();
  EXPECT_EQ(sequences(file()), range(1, 0));
  EXPECT_EQ(open(), 20U);
}

TEST_P(DisturbedFiles, RemovedAreAnErrorAndBeginWithTheWholeHistory) {
  open();
  put(1, 20);
  fs::remove(file());
  write(21, 21);
  EXPECT_THAT(failure_of([&] { sink_->flush(); }), HasSubstr("was removed"));
  EXPECT_EQ(open(), 0U);
}

TEST_P(DisturbedFiles, RemovedWhileNobodyWroteThemAreNotTakenForEmptied) {
  open();
  put(1, 20);
  sink_->sync();
  sink_.reset();
  fs::remove(file());
  EXPECT_EQ(open(), 0U);
  EXPECT_EQ(open(), 0U) << "it stayed empty";
}

TEST_P(DisturbedFiles, EmptiedWithoutEverBeingSyncedAreFilledAgain) {
  open(",fsync=never");
  put(1, 20);
  sink_->sync();
  sink_.reset();
  fs::resize_file(file(), 0);
  EXPECT_EQ(open(",fsync=never"), 0U) << "it may have been a power cut";
}

TEST_P(DisturbedFiles, WrittenIntoBySomebodyElseAreReadAgain) {
  open();
  put(1, 2);
  std::ofstream(file(), std::ios::app) << "somebody's line\n";
  write(3, 3);
  EXPECT_THAT(failure_of([&] { sink_->flush(); }), HasSubstr("somebody else has written into it"));
  EXPECT_THAT(failure_of([&] { sink_->open(); }), HasSubstr("is not a record of ours"));
}

TEST_P(DisturbedFiles, ReplacedByAnotherOfOursGoOnWithWhatThatLacks) {
  open();
  put(1, 5);
  fs::copy_file(file(), dir_ / "kept");
  put(6, 9);
  fs::rename(dir_ / "kept", file());  // over it, as `sed -i` does
  write(10, 10);
  EXPECT_THAT(failure_of([&] { sink_->flush(); }), HasSubstr("was removed"));
  EXPECT_EQ(open(), 5U);
}

TEST_P(DisturbedFiles, TruncatedWhileTheyRotateThemselvesLoseNoPosition) {
  open(",rotate=2K");
  put(1, 50);
  fs::resize_file(file(), 0);
  put(51, 100);
  EXPECT_EQ(open(",rotate=2K"), 100U);
}

}  // namespace
}  // namespace trainbus
