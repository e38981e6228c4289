#include "consumers/sdk/stream_merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace trainbus {
namespace {

using ::testing::ElementsAre;

const StreamKey kLoss{"run/a", 1, v1::KIND_BATCH};
const StreamKey kOther{"run/b", 1, v1::KIND_BATCH};

Verdict live(StreamMerge& merge, std::uint64_t sequence, const StreamKey& stream = kLoss) {
  return merge.offer_live(stream, sequence, std::to_string(sequence), 0);
}

std::vector<std::string> ready(StreamMerge& merge) {
  std::vector<std::string> bodies;
  while (auto record = merge.take_ready())
    bodies.push_back(record->body);
  return bodies;
}

TEST(StreamMerge, HandsOutWhatFollowsAndDropsWhatWasHad) {
  StreamMerge merge({{kLoss, 5}}, false);
  EXPECT_EQ(live(merge, 5), Verdict::kDuplicate);
  EXPECT_EQ(live(merge, 6), Verdict::kNext);
  EXPECT_EQ(live(merge, 6), Verdict::kDuplicate);
  EXPECT_EQ(live(merge, 1, kOther), Verdict::kNext) << "a stream has a head of its own";
  EXPECT_EQ(merge.heads(), (StreamHeads{{kLoss, 6}, {kOther, 1}}));
}

TEST(StreamMerge, KeepsLiveRecordsAsideUntilTheJournalCaughtUp) {
  StreamMerge merge({}, false);
  EXPECT_EQ(live(merge, 4), Verdict::kGap);
  EXPECT_EQ(live(merge, 5), Verdict::kGap);
  EXPECT_EQ(merge.offer_stored(kLoss, 1), Verdict::kNext);
  EXPECT_EQ(merge.offer_stored(kLoss, 2), Verdict::kNext);
  EXPECT_THAT(ready(merge), ElementsAre());
  EXPECT_EQ(merge.offer_stored(kLoss, 3), Verdict::kNext);
  EXPECT_THAT(ready(merge), ElementsAre("4", "5"));
  EXPECT_EQ(merge.gaps(), 0u);
  EXPECT_EQ(merge.offer_stored(kLoss, 4), Verdict::kDuplicate);
  EXPECT_EQ(live(merge, 6), Verdict::kNext);
  EXPECT_EQ(merge.lost(), 0u);
}

TEST(StreamMerge, WhatWasHeldIsReleasedInTheOrderInWhichItCame) {
  const StreamKey status{"run/a", 1, v1::KIND_STATUS}, batch{"run/a", 1, v1::KIND_BATCH},
      epoch{"run/a", 1, v1::KIND_EPOCH};
  StreamMerge merge({}, false);
  merge.hold(status, 1, "plan", 0);
  merge.hold(batch, 1, "batch 1", 0);
  merge.hold(batch, 2, "batch 2", 0);
  merge.hold(epoch, 1, "epoch 1", 0);
  merge.hold(batch, 3, "batch 3", 0);
  for (const auto& stream : {batch, epoch, status})
    merge.release(stream);
  EXPECT_THAT(ready(merge), ElementsAre("plan", "batch 1", "batch 2", "epoch 1", "batch 3"));
}

TEST(StreamMerge, AsksForAGapAtOnceAndThenMoreAndMoreRarely) {
  StreamMerge merge({{kLoss, 1}}, false);
  merge.offer_live(kLoss, 3, "3", 1000);
  EXPECT_THAT(merge.gaps_to_ask(1000, 9), ElementsAre(kLoss));
  std::vector<std::int64_t> waits;
  for (std::int64_t now = 1000; waits.size() < 7;) {
    merge.asked(kLoss, now);
    const auto asked_at = now;
    while (merge.gaps_to_ask(now, 9).empty())
      now += 100;
    waits.push_back(now - asked_at);
  }
  EXPECT_THAT(waits, ElementsAre(200, 400, 800, 1600, 3200, 5000, 5000));
  EXPECT_EQ(merge.gaps_found(), 1u);
  merge.offer_stored(kLoss, 2);
  EXPECT_THAT(ready(merge), ElementsAre("3"));
  EXPECT_TRUE(merge.gaps_to_ask(1'000'000, 9).empty());
}

TEST(StreamMerge, AHeartbeatFindsALostTailButGivesItTimeToArrive) {
  StreamMerge merge({{kLoss, 1}}, false);
  merge.announce(kLoss, 1, 1000);
  EXPECT_EQ(merge.gaps(), 0u);
  merge.announce(kLoss, 2, 1000);
  EXPECT_TRUE(merge.gaps_to_ask(1000 + StreamMerge::kAnnouncedMs - 1, 9).empty());
  EXPECT_THAT(merge.gaps_to_ask(1000 + StreamMerge::kAnnouncedMs, 9), ElementsAre(kLoss));
  EXPECT_EQ(live(merge, 2), Verdict::kNext);
  EXPECT_EQ(merge.gaps(), 0u);
}

TEST(StreamMerge, CountsWhatTheJournalSkipsAsLost) {
  StreamMerge merge({{kLoss, 1}}, false);
  EXPECT_EQ(merge.offer_stored(kLoss, 5), Verdict::kNext);
  EXPECT_EQ(merge.lost(), 3u);
}

TEST(StreamMerge, ALostRangeClosesAGapOnlyWhenNothingBeforeItIsMissing) {
  StreamMerge merge({{kLoss, 1}}, false);
  live(merge, 9);
  merge.lose(kLoss, 5, 8);
  EXPECT_EQ(merge.heads().at(kLoss), 1u);
  merge.offer_stored(kLoss, 2);
  merge.offer_stored(kLoss, 3);
  merge.offer_stored(kLoss, 4);
  merge.lose(kLoss, 5, 8);
  EXPECT_THAT(ready(merge), ElementsAre("9"));
  EXPECT_EQ(merge.lost(), 4u);
  merge.lose(kLoss, 5, 8);
  EXPECT_EQ(merge.lost(), 4u) << "the same range again is not another loss";
}

TEST(StreamMerge, PastTheBoundLiveRecordsAreDroppedCountedAndStayGaps) {
  StreamMerge merge({}, false, 3);
  for (std::uint64_t sequence = 2; sequence <= 6; ++sequence)
    EXPECT_EQ(live(merge, sequence), Verdict::kGap);
  EXPECT_EQ(merge.dropped_aside(), 2u);
  merge.offer_stored(kLoss, 1);
  EXPECT_THAT(ready(merge), ElementsAre("2", "3", "4"));
  EXPECT_THAT(merge.gaps_to_ask(1'000'000, 9), ElementsAre(kLoss)) << "5 and 6 are known to exist";
  merge.offer_stored(kLoss, 5);
  merge.offer_stored(kLoss, 6);
  EXPECT_EQ(merge.gaps(), 0u);
}

TEST(StreamMerge, WithoutHistoryAStreamStartsAtWhatIsSeenFirst) {
  StreamMerge merge({}, true);
  EXPECT_EQ(live(merge, 100), Verdict::kNext);
  EXPECT_EQ(live(merge, 102), Verdict::kGap);
  merge.announce(kOther, 50, 0);
  EXPECT_EQ(live(merge, 50, kOther), Verdict::kDuplicate);
  EXPECT_EQ(live(merge, 51, kOther), Verdict::kNext);
  EXPECT_EQ(merge.lost(), 0u);
}

TEST(StreamMerge, AnyMixOfLiveAndJournalGivesEveryRecordOnceInOrder) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  StreamMerge merge({}, false, 40);
  std::vector<std::uint64_t> out;
  constexpr std::uint64_t kLast = 2'000;
  std::uint64_t published = 0;
  for (std::int64_t now = 0; out.size() < kLast && now < 1'000'000; now += 50) {
    for (auto burst = random() % 8; burst > 0 && published < kLast; --burst) {
      ++published;
      if (random() % 4 != 0 && merge.offer_live(kLoss, published, std::to_string(published), now) == Verdict::kNext)
        out.push_back(published);
    }
    merge.announce(kLoss, published, now);
    if (!merge.gaps_to_ask(now, 1).empty()) {
      merge.asked(kLoss, now);
      for (auto sequence = merge.heads().at(kLoss) + 1; sequence <= published; ++sequence)
        if (merge.offer_stored(kLoss, sequence) == Verdict::kNext) out.push_back(sequence);
    }
    while (auto record = merge.take_ready())
      out.push_back(std::stoull(record->body));
  }
  ASSERT_EQ(out.size(), kLast);
  for (std::uint64_t at = 0; at < kLast; ++at)
    ASSERT_EQ(out[at], at + 1);
}

}  // namespace
}  // namespace trainbus
