// Files that put themselves away, and what a sudden end in the middle of that leaves.
#include "consumers/log/files/rotated_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <zstd.h>

#include <charconv>
#include <fstream>
#include <numeric>
#include <sstream>

#include "consumers/log/files/file_parts.hpp"
#include "support/hosted_sink.hpp"
#include "support/sample_records.hpp"
#include "support/temp_dir.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNoon = 1763899200000;  // 2025-11-23 12:00 UTC

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string decompressed(const std::string& path) {
  const auto bytes = content(path);
  std::string text(1 << 20, '\0');
  const auto size = ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size());
  EXPECT_FALSE(ZSTD_isError(size)) << path;
  text.resize(size);
  return text;
}

// Small language: lines that are only a sequence, "00007\n".
class RotatedFiles : public testing::Test {
 protected:
  RotatedFiles() { spdlog::set_level(spdlog::level::off); }

  static RecordSyntax syntax() {
    return {.header = "",
            .opening = "",
            .record_size =
                [](std::string_view text) {
                  const auto end = text.find('\n');
                  return end == std::string_view::npos ? end : end + 1;
                },
            .read_position =
                [](std::string_view line, StreamKey& stream, std::uint64_t& sequence) {
                  stream = test::stream_of(test::sample_batch(1));
                  return std::from_chars(line.data(), line.data() + line.size(), sequence).ec == std::errc();
                }};
  }
  std::unique_ptr<RotatedFile> file() {
    return std::make_unique<RotatedFile>(path_, syntax(), rules_, compressor_, [this] { return now_ms_; });
  }
  static std::uint64_t opened(RotatedFile& file) {
    const auto heads = file.open();
    return heads.empty() ? 0 : heads.begin()->second;
  }
  // Opens, says what it has, and writes up to `last`.
  std::uint64_t write(std::uint64_t last) {
    const auto one = file();
    const auto had = opened(*one);
    for (auto sequence = had + 1; sequence <= last; ++sequence) {
      char line[8];
      std::snprintf(line, sizeof line, "%05llu", static_cast<unsigned long long>(sequence));
      test::as_sink_record(test::sample_batch(sequence), [&](const SinkRecord& record) { one->append(line, record); });
    }
    one->sync();
    one->flush();
    return had;
  }
  std::string refusal() {
    try {
      file()->open();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "was opened";
  }
  // The sequences in parts and file.
  std::vector<std::uint64_t> everything() const {
    std::string text;
    for (const auto& part : find_parts(path_))
      text += part.compressed ? decompressed(part.path) : content(part.path);
    std::istringstream lines(text + content(path_));
    std::vector<std::uint64_t> found;
    for (std::string line; std::getline(lines, line);)
      found.push_back(std::stoull(line));
    return found;
  }
  static std::vector<std::uint64_t> up_to(std::uint64_t last) {
    std::vector<std::uint64_t> all(last);
    std::iota(all.begin(), all.end(), 1);
    return all;
  }

  test::TempDir dir_;
  const std::string path_ = dir_ / "x.log";
  FileRules rules_{.rotate_bytes = 60};  // ten lines
  PartCompressor compressor_;
  std::int64_t now_ms_ = kNoon;
};

TEST_F(RotatedFiles, PutThemselvesAwayBySizeAndRememberWhatTheyHad) {
  EXPECT_EQ(write(25), 0U);
  EXPECT_EQ(content(dir_ / "x.2025-11-23.000001.log").size(), 60U);
  EXPECT_EQ(content(path_).size(), 30U);
  EXPECT_EQ(write(41), 25U);
  EXPECT_EQ(find_parts(path_).size(), 4U);
  EXPECT_EQ(everything(), up_to(41));
}

TEST_F(RotatedFiles, PutThemselvesAwayWhenADayIsOver) {
  rules_ = {.rotate_every = std::chrono::milliseconds(kDayMs)};
  write(2);
  fs::last_write_time(path_, fs::file_time_type::clock::from_sys(
                                 std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(kNoon))));
  now_ms_ += kDayMs / 2 - 1;
  write(3);
  EXPECT_TRUE(find_parts(path_).empty());
  fs::last_write_time(path_, fs::file_time_type::clock::from_sys(
                                 std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(now_ms_))));
  now_ms_ += 1;
  write(4);
  EXPECT_EQ(content(dir_ / "x.2025-11-23.000001.log"), "00001\n00002\n00003\n") << "of the day it was written";
  EXPECT_EQ(content(path_), "00004\n");
}

TEST_F(RotatedFiles, NeitherLoseNorRepeatWhenTheyAreCutShortAtAnyStep) {
  write(10);
  const auto file_before = content(path_);
  write(11);  // which rotates
  const auto part = find_parts(path_).at(0).path;
  const auto parts_state = content(path_ + ".parts");
  struct Step {
    const char* after;
    bool renamed, made;
  };
  for (const auto& [after, renamed, made] : {Step{"PATH.parts was written", false, false},
                                             {"the file was renamed", true, false},
                                             {"a new file was made", true, true}}) {
    for (const auto& entry : fs::directory_iterator(dir_.path()))
      fs::remove(entry.path());
    std::ofstream(renamed ? part : path_) << file_before;
    if (made) std::ofstream(path_) << "";
    std::ofstream(path_ + ".parts") << parts_state;
    std::ofstream(path_ + ".parts.new") << "half a";
    EXPECT_EQ(write(35), 10U) << after;
    EXPECT_EQ(everything(), up_to(35)) << after;
    EXPECT_EQ(write(35), 35U) << after;
  }
}

TEST_F(RotatedFiles, CompressWhatTheyPutAwayAndFinishThatLater) {
  write(25);
  rules_.compress = true;
  std::ofstream(find_parts(path_).at(0).path + ".zst") << "of a compression that was cut short before the removal";
  std::ofstream(dir_ / "x.2025-11-23.000002.log.zst.new") << "of one that was cut short earlier";
  EXPECT_EQ(write(41), 25U);
  compressor_.drain();
  for (const auto& part : find_parts(path_))
    EXPECT_TRUE(part.compressed) << part.path;
  EXPECT_EQ(everything(), up_to(41));
  EXPECT_EQ(write(41), 41U);
}

TEST_F(RotatedFiles, KeepOnlyTheNewestParts) {
  rules_.keep = 2;
  write(55);
  const auto parts = find_parts(path_);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts.front().number, 4U);
  EXPECT_EQ(write(56), 55U) << "what is gone does not come again";
}

TEST_F(RotatedFiles, DoNotGuessWhatIsInTheirParts) {
  write(25);
  const auto state = content(path_ + ".parts");
  fs::remove(path_ + ".parts");
  EXPECT_THAT(refusal(), HasSubstr("x.log.parts': is not there, and says what is in"));
  std::ofstream(path_ + ".parts") << state.substr(0, state.size() - 4);
  EXPECT_THAT(refusal(), HasSubstr("is damaged"));
  std::ofstream(path_ + ".parts") << state;
  fs::remove(path_ + ".heads");
  EXPECT_EQ(write(25), 25U) << "only a shortcut";
  fs::remove(path_);
  EXPECT_EQ(write(26), 20U) << "what was in the file comes again, what was put away does not";
}

TEST(FileParts, AreToldFromOtherFiles) {
  test::TempDir dir;
  for (const char* name : {"x.2025-11-23.000001.log", "x.2025-11-24.1000002.log.zst", "x.2025-11-23.0001.log",
                           "xx.2025-11-23.000001.log", "x.2025-11-23.000001.csv", "x.log", "x.2025-11-23.00000a.log",
                           "x.2025-11-23.000001.log.zst.new", "x.2025-11-23.000003.log.heads"})
    std::ofstream(dir / name) << "x";
  const auto parts = find_parts(dir / "x.log");
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].number, 1U);
  EXPECT_EQ(parts[1].number, 1000002U);
  EXPECT_EQ(part_path("d/y", 7, kNoon), "d/y.2025-11-23.000007");
}

}  // namespace
}  // namespace trainbus
