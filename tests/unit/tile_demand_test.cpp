#include "broker/tile_demand.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainbus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Change = TileDemand::Change;

TEST(TileDemand, AnyPrefixOfATopicWantsIt) {
  TileDemand demand;
  EXPECT_FALSE(demand.wants("tiles/r/t/"));
  for (const std::string prefix : {"tiles/", "tiles/r", "tiles/r/", "tiles/r/t/"}) {
    EXPECT_EQ(demand.change(true, prefix), Change::kChanged);
    EXPECT_EQ(demand.change(true, prefix), Change::kNone);
    EXPECT_TRUE(demand.wants("tiles/r/t/")) << prefix;
    EXPECT_EQ(demand.change(false, prefix), Change::kChanged);
    EXPECT_FALSE(demand.wants("tiles/r/t/")) << prefix;
  }
  demand.change(true, "tiles/r/t2/");
  EXPECT_FALSE(demand.wants("tiles/r/t/"));
}

TEST(TileDemand, NamesWhatChangedOnce) {
  TileDemand demand;
  demand.change(true, "tiles/b/");
  demand.change(true, "tiles/a/");
  demand.change(false, "tiles/a/");
  EXPECT_THAT(demand.take_changed(), ElementsAre("tiles/a/", "tiles/b/"));
  EXPECT_THAT(demand.take_changed(), IsEmpty());
}

TEST(TileDemand, RefusesPastItsBoundAndTakesAgain) {
  TileDemand demand;
  for (std::size_t i = 0; i < TileDemand::kMaxPrefixes; ++i)
    ASSERT_EQ(demand.change(true, "tiles/" + std::to_string(i)), Change::kChanged);
  EXPECT_EQ(demand.change(true, "tiles/r/"), Change::kFull);
  EXPECT_FALSE(demand.wants("tiles/r/t/"));
  demand.change(false, "tiles/0");
  EXPECT_EQ(demand.change(true, "tiles/r/"), Change::kChanged);
}

}  // namespace
}  // namespace trainbus
