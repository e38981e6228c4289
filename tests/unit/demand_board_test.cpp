#include "broker/demand_board.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

v1::Demand demand(double rate, int pixels, std::int64_t lease_ms = 1000) {
  v1::Demand value;
  value.set_max_rate_hz(rate);
  value.set_max_pixels(pixels);
  value.set_lease_ms(lease_ms);
  return value;
}

TEST(DemandBoard, TheLargestDemandWinsAndNoLimitIsLargerThanAny) {
  DemandBoard board;
  EXPECT_FALSE(board.demand("r/t", 0));
  board.lease("r/t", "a", demand(10, 128), 0);
  board.lease("r/t", "b", demand(30, 64), 0);
  EXPECT_EQ(board.demand("r/t", 1)->max_rate_hz(), 30);
  EXPECT_EQ(board.demand("r/t", 1)->max_pixels(), 128);
  board.lease("r/t", "c", demand(0, 0), 0);
  EXPECT_EQ(board.demand("r/t", 1)->max_rate_hz(), 0);
}

TEST(DemandBoard, ALeaseEndsUnlessItIsRenewed) {
  DemandBoard board;
  board.lease("r/t", "a", demand(10, 0, 1000), 0);
  EXPECT_TRUE(board.demand("r/t", 999));
  EXPECT_FALSE(board.demand("r/t", 1000));
  board.lease("r/t", "a", demand(10, 0, 1000), 900);
  EXPECT_TRUE(board.demand("r/t", 1500));
}

TEST(DemandBoard, WhatIsNoLimitStatesNone) {
  DemandBoard board;
  board.lease("r/t", "a", demand(std::nan(""), -5), 0);
  EXPECT_EQ(board.demand("r/t", 1)->max_rate_hz(), 0);
  EXPECT_EQ(board.demand("r/t", 1)->max_pixels(), 0);
}

TEST(DemandBoard, IsBoundedAndForgetsWhatExpired) {
  DemandBoard board;
  for (std::size_t i = 0; i < DemandBoard::kMaxLeases; ++i)
    board.lease("r/t", std::to_string(i), demand(1, 1), 0);
  EXPECT_FALSE(board.lease("r/t", "one more", demand(1, 1), 10));
  EXPECT_TRUE(board.lease("r/t", "one more", demand(1, 1), 2000));
}

}  // namespace
}  // namespace trainbus
