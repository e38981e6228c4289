#include "consumers/dashboard/server/client_message.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

template <class Expected>
Expected parsed(const std::string& text) {
  const auto message = parse_client_message(text);
  EXPECT_TRUE(std::holds_alternative<Expected>(message)) << text;
  return std::holds_alternative<Expected>(message) ? std::get<Expected>(message) : Expected{};
}

TEST(ClientMessage, ReadsWhatABrowserAsksFor) {
  const auto watch = parsed<WatchRequest>(R"({"type":"watch","run":"r","trainer":"t","max_points":500})");
  EXPECT_EQ(watch.session->id(), "r/t");
  EXPECT_EQ(watch.max_points, 500U);
  const auto tiles =
      parsed<TilesRequest>(R"({"type":"tiles","run":"r","trainer":"t","credit":2,"max_rate_hz":30,"max_pixels":96})");
  EXPECT_EQ(tiles.session->id(), "r/t");
  EXPECT_EQ(tiles.credit, 2);
  EXPECT_EQ(tiles.max_rate_hz, 30);
  EXPECT_EQ(tiles.max_pixels, 96);
  EXPECT_EQ(parsed<CreditGrant>(R"({"type":"credit","n":3})").n, 3);
  EXPECT_TRUE(parsed<ListRequest>(R"({"type":"list"})").columns.empty());
  const auto list = parsed<ListRequest>(R"({"type":"list","columns":["value:val/f1","parameter:lr","value:val/f1"]})");
  EXPECT_EQ(list.columns, (ListColumns{"value:val/f1", "parameter:lr"}));
  EXPECT_FALSE(parsed<WatchRequest>(R"({"type":"watch"})").session);
  EXPECT_FALSE(parsed<TilesRequest>(R"({"type":"tiles"})").session);
}

TEST(ClientMessage, SaysWhyNonsenseIsNonsense) {
  for (const auto* bad : {"",
                          "x",
                          "[]",
                          "7",
                          "null",
                          "{}",
                          R"({"type":7})",
                          R"({"type":"steal"})",
                          R"({"type":"list","columns":"value:a"})",
                          R"({"type":"list","columns":["loss"]})",
                          R"({"type":"list","columns":[7]})",
                          R"({"type":"watch","run":"r"})",
                          R"({"type":"watch","run":"../r","trainer":"t"})",
                          R"({"type":"watch","run":{},"trainer":[]})",
                          R"({"type":"watch","max_points":1e300})",
                          R"({"type":"watch","max_points":"many"})",
                          R"({"type":"tiles","credit":-1})",
                          R"({"type":"tiles","credit":65})",
                          R"({"type":"tiles","max_rate_hz":0})",
                          R"({"type":"tiles","max_pixels":7})",
                          R"({"type":"tiles","max_pixels":5000})",
                          R"({"type":"credit","n":0})",
                          R"({"type":"credit","n":1e18})",
                          "{\"type\":\"watch\"} x",
                          "\xff\xfe"})
    EXPECT_FALSE(parsed<BadMessage>(bad).why.empty()) << bad;
  parsed<BadMessage>(std::string(4096, '['));
}

}  // namespace
}  // namespace trainbus
