#include "consumers/log/sink_feed.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "support/sample_records.hpp"
#include "support/temp_dir.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {
namespace {

using test::sample_batch;
using namespace std::chrono_literals;

// Where a fallible sink's records end up.
struct Place {
  std::vector<std::uint64_t> stored;
  std::vector<std::uint64_t> buffered;
  int flushes = 0, syncs = 0, opens = 0;
  bool broken = false;
  bool gone = false;
  bool half = false;  // a failing flush brings the first record in
};

class FallibleSink : public Sink {
 public:
  static constexpr trainbus_sink_option kOptions[] = {{}};
  static constexpr SinkInfo kInfo{"fallible", "fails when told to", TRAINBUS_SINK_KNOWS, kOptions};
  static inline Place place;  // of the one sink there is

  explicit FallibleSink(const SinkOptions&) {}
  StreamHeads open() override {
    ++place.opens;
    check();
    place.buffered.clear();
    if (place.stored.empty()) return {};
    return {{test::stream_of(sample_batch(1)), place.stored.back()}};
  }
  void write(const SinkRecord& record) override {
    if (place.gone) throw SinkOver("its reader has closed it");
    place.buffered.push_back(record.sequence());
  }
  void flush() override {
    if (place.half && !place.buffered.empty()) place.stored.push_back(place.buffered.front());
    check();
    ++place.flushes;
    place.stored.insert(place.stored.end(), place.buffered.begin(), place.buffered.end());
    place.buffered.clear();
  }
  void sync() override { ++place.syncs; }

 private:
  static void check() {
    if (place.broken) throw std::runtime_error("No space left on device");
  }
};

SinkPlan fallible_plan() {
  return {.type = sink_type<FallibleSink>(), .label = "fallible", .values = {}, .filter = {}};
}

class SinkFeedTest : public testing::Test {
 protected:
  SinkFeedTest() {
    spdlog::set_level(spdlog::level::off);
    place_ = {};
    feed_.open(now_);
  }
  void offer(std::uint64_t from, std::uint64_t to) {
    for (auto sequence = from; sequence <= to; ++sequence)
      feed_.offer(sample_batch(sequence), now_);
  }
  void turn_after(std::chrono::milliseconds time) { feed_.turn(now_ += time, {}); }
  auto retry_after(std::chrono::milliseconds time) { return feed_.retry(now_ += time); }

  Place& place_ = FallibleSink::place;
  SinkFeed::Time now_{};
  HostedSink sink_{fallible_plan()};
  SinkFeed feed_{sink_};
};

TEST_F(SinkFeedTest, FlushesWithinItsIntervalAndOnlyWhenThereIsSomething) {
  offer(1, 1);
  turn_after(SinkFeed::kFlushEvery - 1ms);
  EXPECT_EQ(place_.flushes, 0);
  turn_after(1ms);
  EXPECT_EQ(place_.flushes, 1);
  turn_after(SinkFeed::kFlushEvery);
  EXPECT_EQ(place_.flushes, 1);
  turn_after(SinkFeed::kSyncEvery);
  EXPECT_EQ(place_.syncs, 1);
  EXPECT_EQ(feed_.written(), 1U);
}

TEST_F(SinkFeedTest, OpensAFailedSinkAgainAndSaysWhereToGoOn) {
  offer(1, 2);
  feed_.finish(now_, {});
  place_.broken = place_.half = true;
  offer(3, 5);
  turn_after(200ms);
  EXPECT_TRUE(feed_.away());
  EXPECT_EQ(feed_.failure(), "No space left on device");
  offer(6, 9);  // pass it by

  EXPECT_FALSE(retry_after(SinkFeed::kFirstPause)) << "still broken";
  place_.broken = place_.half = false;
  EXPECT_FALSE(retry_after(SinkFeed::kFirstPause)) << "the pause has grown";
  const auto heads = retry_after(SinkFeed::kFirstPause);
  ASSERT_TRUE(heads);
  EXPECT_EQ(heads->begin()->second, 3U) << "what the failed write did bring in counts";
  EXPECT_FALSE(feed_.away());
  offer(4, 9);
  feed_.finish(now_, {});
  EXPECT_EQ(place_.stored, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(feed_.failures(), 2U);
}

TEST_F(SinkFeedTest, PausesLongerWhileOpeningWorksAndWritingDoesNot) {
  offer(1, 1);
  place_.broken = true;
  turn_after(200ms);
  for (auto pause = SinkFeed::kFirstPause; pause < SinkFeed::kLastPause; pause *= 2) {
    place_.broken = false;
    EXPECT_FALSE(retry_after(pause - 1ms));
    EXPECT_TRUE(retry_after(1ms)) << pause.count();
    offer(1, 1);
    place_.broken = true;
    turn_after(200ms);
    EXPECT_TRUE(feed_.away());
  }
}

TEST_F(SinkFeedTest, TriesASinkAgainThatCouldNotBeOpenedAtTheStart) {
  place_.broken = true;
  SinkFeed feed(sink_);
  EXPECT_FALSE(feed.open(now_));
  EXPECT_TRUE(feed.away());
  EXPECT_TRUE(feed.troubled());
  EXPECT_EQ(feed.failure(), "No space left on device");
  EXPECT_EQ(feed.failures(), 1U);
  place_.broken = false;
  EXPECT_TRUE(feed.retry(now_ += SinkFeed::kFirstPause));
  EXPECT_FALSE(feed.away());
}

TEST_F(SinkFeedTest, LeavesASinkWhosePlaceHasGoneForGood) {
  place_.gone = true;
  offer(1, 1);
  EXPECT_TRUE(feed_.over());
  EXPECT_FALSE(feed_.troubled()) << "that is no failure";
  const auto opens = place_.opens;
  EXPECT_FALSE(retry_after(SinkFeed::kLastPause));
  EXPECT_EQ(place_.opens, opens);
}

TEST_F(SinkFeedTest, KeepsThePositionOnlyOfWhatWasSynced) {
  test::TempDir dir;
  PositionFile position(dir / "state", fallible_plan());
  const StreamHeads two{{test::stream_of(sample_batch(1)), 2}}, three{{test::stream_of(sample_batch(1)), 3}};
  SinkFeed feed(sink_, &position);
  EXPECT_EQ(feed.open(now_), StreamHeads{});
  feed.offer(sample_batch(1), now_);
  feed.finish(now_, two);
  place_.broken = true;
  feed.offer(sample_batch(2), now_);
  feed.finish(now_, three);
  EXPECT_TRUE(feed.away());
  place_.broken = false;
  EXPECT_EQ(feed.retry(now_ += SinkFeed::kFirstPause), two);
}

TEST(PositionFile, IsOfOneProcessAndOnePlaceAndIsNotGuessedWhenDamaged) {
  test::TempDir dir;
  auto plan = fallible_plan();
  const StreamHeads heads{{test::stream_of(sample_batch(1)), 7}};
  std::string path;
  {
    PositionFile position(dir / "state", plan);
    EXPECT_TRUE(position.load().empty());
    position.save(heads);
    EXPECT_THROW(PositionFile(dir / "state", plan).load(), std::runtime_error) << "a second process";
    path = position.path();
  }
  EXPECT_EQ(PositionFile(dir / "state", plan).load(), heads);
  plan.label = "another";
  EXPECT_TRUE(PositionFile(dir / "state", plan).load().empty());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
  plan.label = "fallible";
  EXPECT_THROW(PositionFile(dir / "state", plan).load(), std::runtime_error);
}

}  // namespace
}  // namespace trainbus
