#include "consumers/log/sink_feed.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "support/sample_records.hpp"

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
  bool half = false;  // a failing flush brings the first record in
};

class FallibleSink : public Sink {
 public:
  explicit FallibleSink(Place& place) : place_(place) {}
  std::string name() const override { return "fallible:"; }
  StreamHeads open() override {
    ++place_.opens;
    check();
    place_.buffered.clear();
    if (place_.stored.empty()) return {};
    return {{test::stream_of(sample_batch(1)), place_.stored.back()}};
  }
  void write(const Record& record) override { place_.buffered.push_back(record.message.sequence()); }
  void flush() override {
    if (place_.half && !place_.buffered.empty()) place_.stored.push_back(place_.buffered.front());
    check();
    ++place_.flushes;
    place_.stored.insert(place_.stored.end(), place_.buffered.begin(), place_.buffered.end());
    place_.buffered.clear();
  }
  void sync(const StreamHeads&) override { ++place_.syncs; }

 private:
  void check() const {
    if (place_.broken) throw std::runtime_error("No space left on device");
  }
  Place& place_;
};

class SinkFeedTest : public testing::Test {
 protected:
  SinkFeedTest() {
    spdlog::set_level(spdlog::level::off);
    feed_.open(now_);
  }
  void offer(std::uint64_t from, std::uint64_t to) {
    for (auto sequence = from; sequence <= to; ++sequence)
      feed_.offer(sample_batch(sequence), now_);
  }
  bool turn_after(std::chrono::milliseconds time) { return feed_.turn(now_ += time); }

  Place place_;
  SinkFeed::Time now_{};
  SinkFeed feed_{std::make_unique<FallibleSink>(place_)};
};

TEST_F(SinkFeedTest, SkipsWhatTheSinkHas) {
  offer(1, 3);
  offer(2, 5);
  feed_.finish(now_);
  EXPECT_EQ(place_.stored, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(feed_.written(), 5U);
}

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
}

TEST_F(SinkFeedTest, AsksForWhatAFailedSinkMissedAndRepeatsNothing) {
  offer(1, 2);
  feed_.finish(now_);
  place_.broken = place_.half = true;
  offer(3, 5);
  EXPECT_FALSE(turn_after(200ms));
  EXPECT_TRUE(feed_.away());
  EXPECT_EQ(feed_.failure(), "No space left on device");
  offer(6, 9);  // pass it by

  EXPECT_FALSE(turn_after(SinkFeed::kFirstPause)) << "still broken";
  place_.broken = place_.half = false;
  EXPECT_FALSE(turn_after(SinkFeed::kFirstPause)) << "the pause has grown";
  EXPECT_TRUE(turn_after(SinkFeed::kFirstPause));
  EXPECT_EQ(feed_.heads().begin()->second, 3U) << "what the failed write did bring in counts";
  offer(4, 9);
  feed_.finish(now_);
  EXPECT_EQ(place_.stored, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST_F(SinkFeedTest, PausesLongerWhileOpeningWorksAndWritingDoesNot) {
  offer(1, 1);
  place_.broken = true;
  turn_after(200ms);
  for (auto pause = SinkFeed::kFirstPause; pause < SinkFeed::kLastPause; pause *= 2) {
    place_.broken = false;
    EXPECT_FALSE(turn_after(pause - 1ms));
    EXPECT_TRUE(turn_after(1ms)) << pause.count();
    offer(1, 1);
    place_.broken = true;
    turn_after(200ms);
    EXPECT_TRUE(feed_.away());
  }
}

TEST(SinkFeed, NamesTheSinkThatCannotBeOpened) {
  Place place;
  place.broken = true;
  SinkFeed feed(std::make_unique<FallibleSink>(place));
  try {
    feed.open({});
    FAIL() << "was opened";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "--sink fallible: cannot be written: No space left on device");
  }
}

}  // namespace
}  // namespace trainbus
