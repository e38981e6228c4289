// The consumer SDK against the real broker.

#include <gtest/gtest.h>

#include "broker/bound_sockets.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::PlainPeer;
using test::RunningBroker;

// Reads until `count` records came, and says where a stream was not in order.
struct Collected {
  StreamHeads heads = {};
  std::uint64_t records = 0;
  std::uint64_t from_history = 0;
  std::string disorder = {};
};

void collect(Consumer& consumer, Collected& collected, std::uint64_t count) {
  for (const test::Patience patience(seconds(20)); collected.records < count && !patience.over();) {
    const auto* record = consumer.next(milliseconds(20));
    if (record == nullptr) continue;
    ++collected.records;
    collected.from_history += record->from_history ? 1 : 0;
    const StreamKey stream{record->message.session_id(), record->message.incarnation(), record->topic.kind};
    auto& head = collected.heads[stream];
    if (record->message.sequence() != ++head)
      collected.disorder += "got " + std::to_string(record->message.sequence()) + " for " + std::to_string(head) + "; ";
    head = record->message.sequence();
  }
}

// Nothing more may come: a sentinel published after everything is the next record.
void expect_sentinel_next(Consumer& consumer, Producer& producer) {
  ASSERT_TRUE(producer.log_epoch({.epoch = 4711}));
  const Record* record = nullptr;
  for (const test::Patience patience(seconds(5)); record == nullptr && !patience.over();)
    record = consumer.next(milliseconds(20));
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->message.epoch_data().epoch(), 4711) << record->message.ShortDebugString();
}

void log_batches(Producer& producer, int first, int count, std::size_t label_bytes = 0) {
  const Prediction prediction{.label = std::string(label_bytes, 'x')};
  for (int batch = first; batch < first + count; ++batch)
    ASSERT_TRUE(producer.log_batch({.epoch = 1, .batch = batch, .batch_size = 8, .predictions = {&prediction, 1}}));
}

TEST(Consumer, ALateJoinerGetsHistoryAndLiveRecordsOnceAndInOrder) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  log_batches(producer, 0, 3'000);
  ASSERT_TRUE(eventually("the history is stored", [&] { return producer.counters().stored == 3'000; }));
  Consumer consumer({.broker = broker.address()});
  std::thread live([&] { log_batches(producer, 3'000, 3'000); });
  Collected collected;
  collect(consumer, collected, 6'000);
  live.join();
  EXPECT_EQ(collected.records, 6'000u);
  EXPECT_GE(collected.from_history, 3'000u);
  EXPECT_EQ(collected.disorder, "");
  EXPECT_TRUE(
      eventually("caught up", [&] { return consumer.next(milliseconds(1)) == nullptr && consumer.caught_up(); }));
  EXPECT_TRUE(consumer.connected());
  EXPECT_EQ(consumer.counters().received, 6'000u);
  EXPECT_EQ(consumer.counters().lost, 0u);
  expect_sentinel_next(consumer, producer);
}

TEST(Consumer, WhatASlowConsumerMissedLiveComesFromTheJournal) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  // Without the perf record that a producer of 5 s leaves.
  Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_BATCH, v1::KIND_EPOCH}});
  log_batches(producer, 0, 1);
  Collected collected;
  collect(consumer, collected, 1);
  ASSERT_TRUE(eventually("joined", [&] { return consumer.next(milliseconds(1)) == nullptr && consumer.caught_up(); }));
  constexpr int kMissed = 90'000;  // 50 MB more than both queues hold, and Linux lets a connection grow to 37 MB
  for (int logged = 0; logged < kMissed; logged += 5'000) {
    log_batches(producer, 1 + logged, 5'000, 1'000);
    const auto all = static_cast<std::uint64_t>(logged + 5'001);
    ASSERT_TRUE(eventually("stored", [&] { return producer.counters().stored == all; }));
  }
  log_batches(producer, kMissed + 1, 1);
  collect(consumer, collected, kMissed + 2);
  EXPECT_EQ(collected.records, kMissed + 2u);
  EXPECT_EQ(collected.disorder, "");
  // By a gap in the live feed or, when it stood still for so long that it doubts its subscription, by joining anew.
  EXPECT_GT(collected.from_history, 1000u);
  EXPECT_EQ(consumer.counters().lost, 0u);
  expect_sentinel_next(consumer, producer);
}

TEST(Consumer, GoesOnAcrossARestartOfTheBroker) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address(), .heartbeat_interval = milliseconds(100)});
  Consumer consumer({.broker = broker.address()});
  Collected collected;
  log_batches(producer, 0, 100);
  collect(consumer, collected, 100);
  broker.stop();
  log_batches(producer, 100, 100);
  broker.start();
  log_batches(producer, 200, 100);
  collect(consumer, collected, 300);
  EXPECT_EQ(collected.records, 300u);
  EXPECT_EQ(collected.disorder, "");
  expect_sentinel_next(consumer, producer);
}

TEST(Consumer, AGoodbyeDisconnectsAtOnceAndItGoesOnWhenTheBrokerIsBack) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  Consumer consumer({.broker = broker.address()});
  Collected collected;
  log_batches(producer, 0, 10);
  collect(consumer, collected, 10);
  const auto becomes = [&](bool connected, milliseconds limit) {
    return eventually(
        connected ? "connected" : "disconnected",
        [&] {
          consumer.next(milliseconds(1));
          return consumer.connected() == connected;
        },
        limit);
  };
  broker.stop();
  {  // its control port by hand: what is said there is all that the consumer hears
    zmq::context_t context;
    zmq::socket_t router(context, zmq::socket_type::router);
    router.set(zmq::sockopt::linger, 0);
    router.bind(broker.endpoints().control());
    std::vector<zmq::message_t> question;
    ASSERT_TRUE(eventually("the consumer's question, not the producer's", [&] {
      consumer.next(milliseconds(1));
      v1::MetricsRequest asked;
      return receive_message(router, question) && question.size() == 2 &&
             decode_control(bytes_of(question[1]), asked) == WireError::kNone && asked.has_fetch();
    }));
    const auto say = [&](const v1::MetricsResponse& response) {
      router.send(zmq::buffer(bytes_of(question[0])), zmq::send_flags::sndmore);
      router.send(zmq::buffer(response.SerializeAsString()), zmq::send_flags::none);
    };
    v1::MetricsResponse response;
    response.mutable_error()->set_message("not now");
    say(response);
    ASSERT_TRUE(becomes(true, seconds(2)));
    response.mutable_goodbye()->set_reason("the broker is stopping");
    say(response);
    EXPECT_TRUE(becomes(false, seconds(1))) << "long before five seconds of silence";
  }
  log_batches(producer, 10, 10);
  broker.start();
  collect(consumer, collected, 20);
  EXPECT_EQ(collected.records, 20u);
  EXPECT_EQ(collected.disorder, "");
  EXPECT_TRUE(becomes(true, seconds(10)));
}

TEST(Consumer, MakesItsFeedAnewWhenTheBrokerDoesNotHearIt) {
  zmq::context_t context;
  auto sockets = bind_sockets(context, parse_endpoints("tcp://127.0.0.1:*"));  // nobody answers on them
  sockets.xpub.set(zmq::sockopt::xpub_verbose, true);
  Consumer consumer({.broker = sockets.endpoints.base()});
  int subscribed = 0;
  std::vector<zmq::message_t> event;
  EXPECT_TRUE(eventually(
      "it subscribes to batches a second time",
      [&] {
        consumer.next(milliseconds(1));
        while (receive_message(sockets.xpub, event))
          subscribed += bytes_of(event[0]) ==
                                "\x01"
                                "batch/"
                            ? 1
                            : 0;
        return subscribed >= 2;
      },
      seconds(12)));
}

TEST(Consumer, GoesOnFromTheHeadsItIsGiven) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  log_batches(producer, 0, 50);
  StreamHeads heads = {};
  {
    Consumer first({.broker = broker.address()});
    Collected collected;
    collect(first, collected, 50);
    heads = first.heads();
  }
  log_batches(producer, 50, 50);
  Consumer second({.broker = broker.address(), .heads = heads});
  Collected collected{.heads = heads};
  collect(second, collected, 50);
  EXPECT_EQ(collected.records, 50u);
  EXPECT_EQ(collected.disorder, "");
  expect_sentinel_next(second, producer);
}

TEST(Consumer, WithoutHistoryItGetsOnlyWhatComesFromNowOn) {
  RunningBroker broker;
  Producer producer({.run = "r", .trainer = "t", .broker = broker.address()});
  log_batches(producer, 0, 50);
  ASSERT_TRUE(eventually("stored", [&] { return producer.counters().stored == 50; }));
  Consumer consumer({.broker = broker.address(), .history = false});
  ASSERT_TRUE(
      eventually("subscribed", [&] { return consumer.next(milliseconds(1)) == nullptr && consumer.caught_up(); }));
  EXPECT_EQ(consumer.counters().received, 0u);
  log_batches(producer, 50, 50);
  Collected collected{.heads = {{{"r/t", producer.incarnation(), v1::KIND_BATCH}, 50}}};
  collect(consumer, collected, 50);
  EXPECT_EQ(collected.records, 50u);
  EXPECT_EQ(collected.disorder, "");
  EXPECT_EQ(collected.from_history, 0u);
}

TEST(Consumer, HandsOutOnlyTheKindsAndTheTrainerThatWereAskedFor) {
  RunningBroker broker;
  Producer wanted({.run = "r", .trainer = "t1", .broker = broker.address()});
  Producer other({.run = "r", .trainer = "t10", .broker = broker.address()});
  Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_EPOCH}, .run = "r", .trainer = "t1"});
  for (int epoch = 1; epoch <= 10; ++epoch) {
    log_batches(wanted, epoch, 1);
    wanted.log_epoch({.epoch = epoch});
    other.log_epoch({.epoch = epoch});
  }
  Collected collected;
  collect(consumer, collected, 10);
  EXPECT_EQ(collected.heads, (StreamHeads{{{"r/t1", wanted.incarnation(), v1::KIND_EPOCH}, 10}}));
  expect_sentinel_next(consumer, wanted);
}

TEST(Consumer, AHeartbeatFindsTheTailThatNeverCame) {
  RunningBroker broker;
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  Consumer consumer({.broker = broker.address(), .heartbeats = true});
  Collected collected;
  peer.publish(PlainPeer::record(1));
  collect(consumer, collected, 1);
  v1::MetricsRequest beat;
  beat.set_session_id("r/t");
  beat.set_incarnation(PlainPeer::kIncarnation);
  auto* highest = beat.mutable_heartbeat()->add_highest();
  highest->set_kind(v1::KIND_BATCH);
  highest->set_sequence(2);
  peer.publish("heartbeat/r/t/", beat.SerializeAsString());
  ASSERT_TRUE(eventually("the heartbeat is handed out", [&] {
    const auto* record = consumer.next(milliseconds(5));
    return record != nullptr && record->topic.kind == v1::KIND_HEARTBEAT;
  }));
  ASSERT_TRUE(eventually("the journal is asked", [&] {
    consumer.next(milliseconds(5));
    return consumer.counters().gaps == 1;
  }));
  peer.resend(PlainPeer::record(2));
  collect(consumer, collected, 2);
  EXPECT_EQ(collected.records, 2u);
  EXPECT_EQ(collected.disorder, "");
}

TEST(Consumer, CountsHostileBytesAndGoesOn) {
  RunningBroker broker;
  Consumer consumer({.broker = broker.address()});
  PlainPeer peer(broker.endpoints());
  ASSERT_TRUE(peer.wait_until_heard());
  ASSERT_TRUE(eventually("joined", [&] { return consumer.next(milliseconds(1)) == nullptr && consumer.caught_up(); }));
  peer.publish("batch/r/t/", "garbage");
  peer.publish("batch/../t/", PlainPeer::record(1).SerializeAsString());
  peer.publish(PlainPeer::record(1));
  Collected collected;
  collect(consumer, collected, 1);
  EXPECT_EQ(collected.records, 1u);
}

TEST(Consumer, IsNotConnectedWithoutABrokerAndSaysWhatIsWrongWithItsOptions) {
  Consumer consumer({.broker = "tcp://127.0.0.1:9"});
  EXPECT_EQ(consumer.next(milliseconds(10)), nullptr);
  EXPECT_FALSE(consumer.connected());
  EXPECT_FALSE(consumer.caught_up());
  EXPECT_THROW(Consumer({.broker = "127.0.0.1:9"}), std::invalid_argument);
  EXPECT_THROW(Consumer({.run = "a b"}), std::invalid_argument);
  EXPECT_THROW(Consumer({.trainer = "t"}), std::invalid_argument);
  EXPECT_THROW(Consumer({.kinds = {v1::KIND_TILES}}), std::invalid_argument);
}

}  // namespace
}  // namespace trainbus
