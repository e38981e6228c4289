// The tile feed against the real broker and a real producer.

#include "trainbus/tile_feed.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using test::PlainPeer;
using test::RunningBroker;

void add_tile(TileBatch& tiles) {
  const std::vector<std::uint8_t> grey(8 * 8, 128);
  tiles.add(grey.data(), 8, 8, 1, 0, 3, {.predicted_class = 3, .label = "three", .confidence = 0.5F});
}

v1::MetricsRequest tiles_record(std::uint64_t sequence) {
  auto message = PlainPeer::record(sequence);
  auto& image = *message.mutable_batch_data()->add_images();
  image.set_width(1);
  image.set_height(1);
  image.set_image_bytes("jpeg");
  return message;
}

TEST(TileFeed, WatchingSwitchesTheTilesOnAndUnwatchingOff) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  TileFeed feed(broker.address());
  EXPECT_FALSE(producer.watched());
  feed.watch({"r", "t"});
  ASSERT_TRUE(eventually("watched", [&] { return producer.watched(); }));
  std::vector<TileFrame> frames;
  ASSERT_TRUE(eventually("tiles come", [&] {
    producer.log_batch({.epoch = 1, .batch = 0}, add_tile);
    frames = feed.take();
    return !frames.empty();
  }));
  v1::MetricsRequest message;
  ASSERT_TRUE(message.ParseFromString(*frames[0].bytes));
  EXPECT_EQ(message.batch_data().images_size(), 1);
  EXPECT_EQ(message.batch_data().predictions(0).predicted_label(), "three");
  EXPECT_EQ(frames[0].topic.session.id(), "r/t");
  feed.unwatch({"r", "t"});
  EXPECT_TRUE(eventually("no longer watched", [&] { return !producer.watched(); }));
}

TEST(TileFeed, TheNewestWinsAndTheLedgerCloses) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  TileFeed feed(broker.address());
  std::atomic<int> ready = 0;
  feed.on_ready([&] { ++ready; });
  feed.watch({"r", "t"});
  ASSERT_EQ(peer.next_subscription(), "+tiles/r/t/");
  std::uint64_t taken = 0;
  for (std::uint64_t sequence = 1; sequence <= 400; ++sequence) {
    if (sequence % 10 == 7) continue;  // lost on the way
    peer.publish("tiles/r/t/", tiles_record(sequence).SerializeAsString());
    if (sequence % 50 == 0) taken += feed.take().size();
  }
  ASSERT_TRUE(eventually("all came", [&] { return feed.counters().received == 360; }));
  const auto last = feed.take();
  ASSERT_LE(last.size(), 1u);
  taken += last.size();
  const auto counters = feed.counters();
  EXPECT_EQ(counters.taken, taken);
  EXPECT_EQ(counters.received, counters.taken + counters.replaced);
  EXPECT_EQ(counters.lost_on_link, 40u);
  EXPECT_GE(ready, 1);
  EXPECT_LE(ready, 9) << "once until each of the nine take()s";

  peer.publish("tiles/r/t/", tiles_record(401).SerializeAsString());
  ASSERT_TRUE(eventually("one more", [&] { return feed.counters().received == 361; }));
  feed.unwatch({"r", "t"});
  ASSERT_EQ(peer.next_subscription(), "-tiles/r/t/");
  EXPECT_EQ(feed.take().size(), 0u);
  EXPECT_EQ(feed.counters().received, feed.counters().taken + feed.counters().replaced);
}

TEST(TileFeed, StatesItsDemandToTheTrainer) {
  RunningBroker broker;
  PlainPeer trainer(broker.endpoints());
  ASSERT_TRUE(trainer.hello().has_welcome());
  TileFeed feed(broker.address());
  feed.watch({"r", "t"}, 12.5, 128);
  v1::Demand demand;  // those without a lease say only whether somebody watches
  for (bool answered = true; answered && demand.lease_ms() == 0;) {
    const auto response = trainer.next_of(v1::MetricsResponse::kDemand);
    answered = response.has_demand();
    demand = response.demand();
  }
  EXPECT_EQ(demand.max_rate_hz(), 12.5);
  EXPECT_EQ(demand.max_pixels(), 128);
  EXPECT_GT(demand.lease_ms(), 0);
}

TEST(TileFeed, GoesOnAfterARestartOfTheBroker) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  TileFeed feed(broker.address());
  feed.watch({"r", "t"});
  ASSERT_TRUE(eventually("watched", [&] { return producer.watched(); }));
  broker.stop();
  ASSERT_TRUE(eventually("not watched without a broker", [&] { return !producer.watched(); }));
  broker.start();
  ASSERT_TRUE(eventually("watched again", [&] { return producer.watched(); }));
  EXPECT_TRUE(eventually("tiles come again", [&] {
    producer.log_batch({.epoch = 1, .batch = 0}, add_tile);
    return !feed.take().empty();
  }));
}

}  // namespace
}  // namespace trainbus
