// More is offered than can be taken: a publisher whose queue overflows leaves gaps, which nobody fills. What it does
// get through is delivered and stored, what it does not is counted, and others keep their share.
#include <gmock/gmock.h>

#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/plain_peer.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::PlainPeer;

constexpr std::uint64_t kFlooded = 400'000;

class Overload : public testing::Test {
 protected:
  std::uint64_t counter(const std::string& name) {
    const auto stats = control_.stats(60s);
    return stats ? stats->counters().at(name) : 0;
  }
  // Publishes as fast as it can through a queue of `queue` messages, then its last record until that one is there.
  void flood(const std::string& name, int queue, std::size_t bytes) {
    const std::string topic = "batch/flood/" + name + '/';
    v1::MetricsRequest record = PlainPeer::record(0);
    record.set_session_id("flood/" + name);
    record.mutable_batch_data()->add_predictions()->set_predicted_label(std::string(bytes, 'x'));
    zmq::socket_t pub(context_, zmq::socket_type::pub);
    pub.set(zmq::sockopt::linger, 0);
    pub.set(zmq::sockopt::sndhwm, queue);
    pub.connect(broker_.endpoints().data_in());
    const auto publish = [&](std::uint64_t sequence) {
      record.set_sequence(sequence);
      pub.send(zmq::buffer(topic), zmq::send_flags::sndmore);
      pub.send(zmq::buffer(record.SerializeAsString()), zmq::send_flags::none);
    };
    const auto taken_in = counter("data_messages_in_total");
    ASSERT_TRUE(eventually("the flood gets through", [&] {
      publish(1);
      return counter("data_messages_in_total") > taken_in;
    }));
    for (std::uint64_t sequence = 2; sequence <= kFlooded; ++sequence)
      publish(sequence);
    ASSERT_TRUE(eventually("the last record of the flood", [&] {
      publish(kFlooded);
      return counter("records_accepted_total") + counter("records_lost_total") >= kFlooded;
    }));
  }

  test::RunningBroker broker_;
  zmq::context_t context_;
  ControlClient control_{broker_.address()};
};

TEST_F(Overload, WhatGetsThroughIsStoredAndTheRestIsCounted) {
  flood("plain", 1000, 200);
  const auto accepted = counter("records_accepted_total"), lost = counter("records_lost_total");
  EXPECT_EQ(accepted + lost, kFlooded);
  EXPECT_GT(lost, 0u) << "nothing was dropped: this was no flood";
  EXPECT_EQ(counter("records_refused_total"), 0u);
  EXPECT_EQ(counter("data_messages_in_total") - counter("records_duplicate_total"), accepted);
  EXPECT_TRUE(eventually(
      "all is stored", [&] { return counter("journal_records_total") == accepted; }, 60s));
}

TEST_F(Overload, OthersKeepTheirShare) {
  constexpr std::uint64_t kRecords = 500;
  Producer trainer({.run = "calm", .trainer = "outbox", .broker = broker_.address()});
  trainer.start({});
  PlainPeer plain(broker_.endpoints());
  ASSERT_TRUE(plain.wait_until_heard());
  std::thread others([&] {
    for (std::uint64_t sequence = 1; sequence <= kRecords; ++sequence) {
      trainer.log_batch({.epoch = 1, .batch = static_cast<int>(sequence), .batch_size = 1});
      plain.publish(PlainPeer::record(sequence));
      std::this_thread::sleep_for(1ms);
    }
  });
  flood("loud", 200, 1000);
  others.join();
  EXPECT_TRUE(trainer.finish(v1::COMPLETED)) << "all of it is stored";
  v1::FetchRequest wanted;
  wanted.set_run("r");
  wanted.set_max_bytes(1 << 20);
  std::size_t stored = 0;
  EXPECT_TRUE(eventually("the calm publisher's records are stored", [&] {
    stored = static_cast<std::size_t>(plain.fetch(wanted).records_size());
    return stored == kRecords;
  })) << stored;
}

}  // namespace
}  // namespace trainbus
