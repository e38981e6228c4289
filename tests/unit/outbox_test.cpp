#include "outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

// An outbox, a clock that is moved by hand, and what was sent again.
class OutboxTest : public testing::Test {
 protected:
  void push(Kind kind, std::uint64_t from, std::uint64_t to) {
    for (auto sequence = from; sequence <= to; ++sequence)
      box_.push(kind, sequence, bytes_.emplace_back(std::string(kind_name(kind)) + std::to_string(sequence)), sequence);
  }
  // Sends what is new; returns what was sent.
  std::vector<std::string> publish(std::size_t records = 256) {
    std::vector<std::string> sent;
    box_.send_new(now_, {.records = records}, [&](Kind, std::string_view record) {
      sent.emplace_back(record);
      return true;
    });
    return sent;
  }
  std::vector<std::string> resend(std::size_t records = 256, std::size_t bytes = 1 << 20) {
    std::vector<std::string> sent;
    box_.resend_due(now_, 1s, {records, bytes}, [&](Kind, std::string_view record) {
      sent.emplace_back(record);
      return true;
    });
    return sent;
  }

  std::deque<std::string> bytes_;  // the outbox only points at them
  Outbox::Clock::time_point now_{100s};
  Outbox box_{{.records = 4, .bytes = 1000}, {.records = 3, .bytes = 900}};
};

TEST_F(OutboxTest, KeepsWhatIsNotAcknowledged) {
  push(v1::KIND_BATCH, 1, 3);
  push(v1::KIND_EPOCH, 1, 1);
  publish();
  box_.acknowledge(v1::KIND_BATCH, 2, now_);
  publish();
  EXPECT_EQ(box_.records(), 2u);
  EXPECT_EQ(box_.stored(v1::KIND_BATCH), 2u);
  box_.resend_all();
  EXPECT_THAT(resend(), ElementsAre("batch3", "epoch1"));
}

TEST_F(OutboxTest, IgnoresAcknowledgementsOfWhatItNeverHad) {
  push(v1::KIND_BATCH, 1, 1);
  box_.acknowledge(v1::KIND_EPOCH, 7, now_);
  box_.acknowledge(static_cast<Kind>(-1), 7, now_);
  box_.acknowledge(static_cast<Kind>(1000), 7, now_);
  box_.acknowledge(v1::KIND_BATCH, 0, now_);
  EXPECT_EQ(box_.records(), 1u);
  box_.acknowledge(v1::KIND_BATCH, 1000, now_);
  EXPECT_TRUE(box_.empty());
  EXPECT_EQ(box_.stored(v1::KIND_BATCH), 1u);
  EXPECT_EQ(box_.bytes(), 0u);
}

TEST_F(OutboxTest, SaysFromWhichSegmentOnTheBytesAreNeeded) {
  EXPECT_EQ(box_.oldest_segment(), std::nullopt);
  push(v1::KIND_BATCH, 4, 5);
  push(v1::KIND_EPOCH, 9, 9);
  EXPECT_EQ(box_.oldest_segment(), 4u);
  box_.acknowledge(v1::KIND_BATCH, 4, now_);
  EXPECT_EQ(box_.oldest_segment(), 5u);
  box_.acknowledge(v1::KIND_BATCH, 5, now_);
  EXPECT_EQ(box_.oldest_segment(), 9u);
}

TEST_F(OutboxTest, IsFullAtEitherBound) {
  push(v1::KIND_BATCH, 1, 3);
  EXPECT_FALSE(box_.full());
  push(v1::KIND_BATCH, 4, 4);
  EXPECT_TRUE(box_.full());
  box_.acknowledge(v1::KIND_BATCH, 3, now_);
  EXPECT_FALSE(box_.full());
  box_.push(v1::KIND_BATCH, 5, bytes_.emplace_back(1000, 'x'));
  EXPECT_TRUE(box_.full());
}

TEST_F(OutboxTest, SendsNewOnesWithinTheWindowInTheOrderTheyCame) {
  push(v1::KIND_BATCH, 1, 2);
  push(v1::KIND_STATUS, 1, 1);
  push(v1::KIND_BATCH, 3, 3);
  EXPECT_THAT(publish(1), ElementsAre("batch1"));
  EXPECT_THAT(publish(), ElementsAre("batch2", "status1"));
  EXPECT_THAT(publish(), IsEmpty());
  box_.acknowledge(v1::KIND_BATCH, 1, now_);
  EXPECT_THAT(publish(), ElementsAre("batch3"));
}

TEST_F(OutboxTest, NeverResendsWhatWasNeverSent) {
  push(v1::KIND_BATCH, 1, 2);
  EXPECT_THAT(publish(1), ElementsAre("batch1"));
  now_ += 1h;
  box_.resend_all();
  EXPECT_THAT(resend(), ElementsAre("batch1"));
  EXPECT_THAT(publish(), ElementsAre("batch2"));
}

TEST_F(OutboxTest, TheWindowOpensAgainWhateverTheBrokerClaims) {
  push(v1::KIND_BATCH, 1, 4);
  EXPECT_EQ(publish().size(), 3u);
  box_.acknowledge(v1::KIND_BATCH, 4, now_);
  push(v1::KIND_BATCH, 5, 8);
  EXPECT_EQ(publish().size(), 3u);
}

TEST_F(OutboxTest, ResendsAfterPatienceAndOncePerRound) {
  push(v1::KIND_BATCH, 1, 2);
  publish();
  now_ += 999ms;
  EXPECT_THAT(resend(), IsEmpty());
  now_ += 1ms;
  EXPECT_THAT(resend(), ElementsAre("batch1", "batch2"));
  now_ += 5ms;
  EXPECT_THAT(resend(), IsEmpty());
  now_ += 2s;
  EXPECT_THAT(resend(), ElementsAre("batch1", "batch2"));
}

TEST_F(OutboxTest, DoublesItsPatienceUntilSomethingMoves) {
  push(v1::KIND_BATCH, 1, 2);
  publish();
  std::vector<int> seconds;
  for (int second = 1; second <= 40; ++second) {
    now_ += 1s;
    if (!resend().empty()) seconds.push_back(second);
  }
  EXPECT_THAT(seconds, ElementsAre(1, 3, 7, 15, 23, 31, 39));
  box_.acknowledge(v1::KIND_BATCH, 1, now_);
  now_ += 1s;
  EXPECT_THAT(resend(), ElementsAre("batch2"));
}

TEST_F(OutboxTest, WaitsWhileAcknowledgementsGoOn) {
  push(v1::KIND_BATCH, 1, 4);
  publish();
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) {
    now_ += 900ms;
    box_.acknowledge(v1::KIND_BATCH, sequence, now_);
    EXPECT_THAT(resend(), IsEmpty());
    publish();
  }
  now_ += 1s;
  EXPECT_THAT(resend(), ElementsAre("batch4"));
}

TEST_F(OutboxTest, BurstsAreBoundedAndGoOnWhereTheyStopped) {
  push(v1::KIND_BATCH, 1, 3);
  publish();
  box_.resend_all();
  EXPECT_THAT(resend(2), ElementsAre("batch1", "batch2"));
  box_.acknowledge(v1::KIND_BATCH, 1, now_);
  EXPECT_THAT(resend(2), ElementsAre("batch3"));
  EXPECT_THAT(resend(2), IsEmpty());
  box_.resend_all();
  EXPECT_THAT(resend(256, 1), ElementsAre("batch2"));
}

TEST_F(OutboxTest, ARecordThatCouldNotBeSentStaysDue) {
  push(v1::KIND_BATCH, 1, 1);
  publish();
  box_.resend_all();
  EXPECT_EQ(box_.resend_due(now_, 1s, {}, [](Kind, std::string_view) { return false; }), 0u);
  EXPECT_THAT(resend(), ElementsAre("batch1"));
}

}  // namespace
}  // namespace trainbus
