#include "consumers/dashboard/server/browser_queue.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using Clock = BrowserQueue::Clock;

std::shared_ptr<const std::string> text(const std::string& bytes) { return std::make_shared<const std::string>(bytes); }
std::shared_ptr<TilePicture> picture(const std::string& bytes) { return std::make_shared<TilePicture>(text(bytes)); }
std::string sent(BrowserQueue& queue) {
  const auto next = queue.next();
  return next ? *next->bytes : "nothing";
}

TEST(BrowserQueue, SendsKeptMessagesInOrderThenTheBusThenTheListThenTiles) {
  BrowserQueue queue(100);
  queue.start_tiles(1, 60);
  queue.offer_tiles(picture("tiles"), Clock::time_point{});
  EXPECT_FALSE(queue.list_waits());
  queue.show_list({text("list"), false, true});
  EXPECT_TRUE(queue.list_waits());
  queue.show_bus({text("old bus")});
  queue.show_bus({text("bus")});
  EXPECT_TRUE(queue.keep({text("a"), true}));
  EXPECT_TRUE(queue.keep({text("b"), false}));
  for (const auto* expected : {"a", "b", "bus", "list", "tiles", "nothing"})
    EXPECT_EQ(sent(queue), expected);
}

TEST(BrowserQueue, RefusesKeptMessagesPastItsBytes) {
  BrowserQueue queue(10);
  EXPECT_TRUE(queue.keep({text("12345678"), true}));
  EXPECT_FALSE(queue.keep({text("123"), true}));
  sent(queue);
  EXPECT_EQ(queue.queued_bytes(), 0U);
  EXPECT_TRUE(queue.keep({text("123"), true}));
  sent(queue);
  EXPECT_TRUE(queue.keep({text("a single long one"), true}));
}

TEST(BrowserQueue, SendsTilesOnCreditOnlyAndTheNewest) {
  BrowserQueue queue(100);
  queue.start_tiles(1, 100);
  Clock::time_point now{};
  EXPECT_FALSE(queue.offer_tiles(picture("1"), now));
  EXPECT_EQ(sent(queue), "1");
  EXPECT_FALSE(queue.offer_tiles(picture("2"), now += milliseconds(10)));
  EXPECT_TRUE(queue.offer_tiles(picture("3"), now += milliseconds(10)));
  EXPECT_EQ(sent(queue), "nothing");
  queue.grant(1);
  EXPECT_EQ(sent(queue), "3");
  EXPECT_EQ(sent(queue), "nothing");
}

TEST(BrowserQueue, ThinsTilesToTheRateItWasAskedFor) {
  BrowserQueue queue(100);
  queue.start_tiles(64, 10);
  int taken = 0;
  for (int frame = 0; frame < 60; ++frame) {  // a second of 60 per second
    queue.offer_tiles(picture("x"), Clock::time_point{} + milliseconds(frame * 1000 / 60));
    if (queue.next()) ++taken;
  }
  EXPECT_GE(taken, 10);
  EXPECT_LE(taken, 11);
}

TEST(BrowserQueue, TakesEveryFrameOfASourceAsFastAsAskedThoughItJitters) {
  BrowserQueue queue(100);
  queue.start_tiles(64, 60);
  int taken = 0;
  for (int frame = 0; frame < 60; ++frame) {
    queue.offer_tiles(picture("x"), Clock::time_point{} + milliseconds(frame * 1000 / 60 + (frame % 2) * 3));
    if (queue.next()) ++taken;
  }
  EXPECT_EQ(taken, 60);
}

TEST(BrowserQueue, StartingAfreshForgetsTheOtherTrainersTiles) {
  BrowserQueue queue(100);
  queue.start_tiles(1, 60);
  queue.offer_tiles(picture("old"), Clock::time_point{});
  queue.start_tiles(1, 60);
  EXPECT_EQ(sent(queue), "nothing");
  queue.stop_tiles();
  queue.offer_tiles(picture("late"), Clock::time_point{});
  EXPECT_EQ(sent(queue), "nothing");
}

}  // namespace
}  // namespace trainbus
