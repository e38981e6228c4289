#include "consumers/dashboard/server/request_target.hpp"

#include <gmock/gmock.h>

namespace trainbus {
namespace {

using ::testing::ElementsAre;

TEST(RequestTarget, SplitsPathAndQuery) {
  const auto target = parse_target("/api/trainers/r/t/series?name=batch_loss&max_points=10&x_min=-2.5&flag");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->segments, ElementsAre("api", "trainers", "r", "t", "series"));
  EXPECT_EQ(target->query.at("name"), "batch_loss");
  EXPECT_EQ(target->number("max_points", 1), 10);
  EXPECT_EQ(target->number("x_min", 1), -2.5);
  EXPECT_EQ(target->number("x_max", 7), 7);
  EXPECT_EQ(target->number("name", 7), std::nullopt);
  EXPECT_EQ(target->number("flag", 7), std::nullopt);
}

TEST(RequestTarget, DecodesEscapes) {
  EXPECT_EQ(parse_target("/a%2A/%7e")->path, "/a*/~");
  EXPECT_TRUE(parse_target("/")->segments.empty());
}

TEST(RequestTarget, RefusesWhatLeavesTheFolderOrIsNotText) {
  for (const auto* bad :
       {"", "api", "http://x/", "/..", "/../etc/passwd", "/a/%2e%2e/b", "/a%2f..%2fb", "/%252e%252e/%2e%2e",
        "/..;/x/..", "/%", "/%4", "/%zz", "/%+1", "/%00", "/a\x01", "/\xc3\xa4", "/x?%"})
    EXPECT_FALSE(parse_target(bad)) << bad;
}

TEST(RequestTarget, TakesNoInfiniteNumbers) {
  EXPECT_EQ(parse_target("/?x=inf")->number("x", 0), std::nullopt);
  EXPECT_EQ(parse_target("/?x=nan")->number("x", 0), std::nullopt);
  EXPECT_EQ(parse_target("/?x=1x")->number("x", 0), std::nullopt);
}

}  // namespace
}  // namespace trainbus
