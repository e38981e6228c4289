#include "broker/heard_order.hpp"

#include <gmock/gmock.h>

namespace trainbus {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> numbers(const HeardOrder& order) {
  std::vector<std::uint64_t> numbers;
  for (const auto& heard : order.all())
    numbers.push_back(heard.incarnation);
  return numbers;
}

bool ascends(const HeardOrder& order) {
  return std::ranges::is_sorted(order.all(), std::less_equal<>(), &HeardOrder::Heard::order) &&
         std::ranges::adjacent_find(order.all(), {}, &HeardOrder::Heard::order) == order.all().end();
}

TEST(HeardOrder, IsTheOrderOfHearingWhateverTheNumbers) {
  HeardOrder order;
  for (const std::uint64_t incarnation : {9'000, 5, 7'000, 5, 9'000})
    order.hear(incarnation, 1);
  EXPECT_THAT(numbers(order), ElementsAre(9'000, 5, 7'000));
  EXPECT_EQ(order.newest()->incarnation, 7'000u);
  EXPECT_TRUE(ascends(order));
}

TEST(HeardOrder, WhatAnIncarnationDeliversStandsBeforeIt) {
  HeardOrder order;
  order.hear(1, 1);
  order.hear(30, 1);
  order.hear_delivered(10, 30, 1);
  order.hear_delivered(20, 30, 1);
  order.hear_delivered(5, 10, 1);
  EXPECT_THAT(numbers(order), ElementsAre(1, 5, 10, 20, 30));
  EXPECT_TRUE(ascends(order));
}

TEST(HeardOrder, AnOrderNeverChanges) {
  HeardOrder order;
  order.hear(1, 1);
  order.hear(2, 1);
  const auto one = order.find(1)->order, two = order.find(2)->order;
  order.hear_delivered(3, 2, 1);
  order.hear_delivered(1, 3, 1);
  order.hear(1, 2);
  EXPECT_EQ(order.find(1)->order, one);
  EXPECT_EQ(order.find(2)->order, two);
  EXPECT_EQ(order.find(1)->first_heard_ms, 1);
}

TEST(HeardOrder, WhatAToolDeliversStandsBeforeTheNewestThatWasHeardItself) {
  HeardOrder order;
  order.hear_delivered(1, 0, 1);
  order.hear_delivered(2, 0, 1);
  EXPECT_THAT(numbers(order), ElementsAre(1, 2)) << "nobody was heard itself";
  order.hear(10, 1);
  order.hear(20, 1);
  order.hear_delivered(3, 0, 1);
  order.hear_delivered(4, 99, 1);
  EXPECT_THAT(numbers(order), ElementsAre(1, 2, 10, 3, 4, 20)) << "99 is nobody that is known";
  EXPECT_TRUE(ascends(order));
}

TEST(HeardOrder, ADelivererThatComesAfterwardsStandsAfterWhatItDelivered) {
  HeardOrder order;
  order.hear_delivered(1, 2, 1);
  order.hear(2, 1);
  EXPECT_THAT(numbers(order), ElementsAre(1, 2));
}

TEST(HeardOrder, ManyThousandsFitBeforeOne) {
  HeardOrder order;
  order.hear(1, 1);
  order.hear(2, 1);
  for (std::uint64_t incarnation = 100; incarnation < 30'100; ++incarnation)
    order.hear_delivered(incarnation, 2, 1);
  EXPECT_TRUE(ascends(order));
  EXPECT_EQ(order.newest()->incarnation, 2u) << "also those beyond the room between two stand before it";
}

TEST(HeardOrder, GoesOnWhereTheJournalEnded) {
  HeardOrder before;
  before.hear(50, 1);
  before.hear(40, 1);
  HeardOrder after;
  for (const auto& heard : before.all())
    after.restore(heard);
  after.hear(30, 1);
  EXPECT_THAT(numbers(after), ElementsAre(50, 40, 30));
  EXPECT_GT(after.find(30)->order, before.find(40)->order);
}

}  // namespace
}  // namespace trainbus
