// What the producer SDK says on the wire, to a broker of the test's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <zmq.hpp>

#include "tests/support/eventually.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;

ProducerOptions options(const std::string& broker) {
  return {.run = "r", .trainer = "t", .broker = broker, .spool_dir = {}};
}

// One SUB and one ROUTER socket; welcomes every HELLO.
class WirePeer {
 public:
  WirePeer() : data_(context_, zmq::socket_type::sub), control_(context_, zmq::socket_type::router) {
    data_.set(zmq::sockopt::subscribe, "");
    for (auto* socket : {&data_, &control_}) {
      socket->set(zmq::sockopt::linger, 0);
      socket->set(zmq::sockopt::rcvtimeo, 5000);
    }
    for (port_ = 21000 + getpid() % 5000;; port_ += 3) {
      try {
        data_.bind(at(0));
        control_.bind(at(2));
        return;
      } catch (const zmq::error_t& error) {
        if (error.num() != EADDRINUSE) throw;
      }
    }
  }

  std::string address() const { return at(0); }

  // The next message on the control port, records included, that is not HELLO; a HELLO is answered.
  v1::MetricsRequest next_control(std::uint64_t broker_incarnation = 7) {
    for (;;) {
      zmq::message_t peer, body;
      v1::MetricsRequest message;
      if (!control_.recv(peer) || !control_.recv(body)) return message;
      peer_ = peer.to_string();
      if (body.more()) {
        last_topic_ = body.to_string();
        static_cast<void>(control_.recv(body));
      }
      message.ParseFromArray(body.data(), static_cast<int>(body.size()));
      if (!message.has_hello()) return message;
      v1::MetricsResponse response;
      response.mutable_welcome()->set_broker_incarnation(broker_incarnation);
      send(response);
      if (++hellos_ == 1) return message;
    }
  }
  v1::MetricsRequest next_data(Kind kind) {
    for (;;) {
      zmq::message_t topic, body;
      v1::MetricsRequest message;
      if (!data_.recv(topic) || !data_.recv(body)) return message;
      if (topic.to_string() != topic_text(kind, "r", "t")) continue;
      message.ParseFromArray(body.data(), static_cast<int>(body.size()));
      return message;
    }
  }
  void send(const v1::MetricsResponse& response) {
    control_.send(zmq::buffer(peer_), zmq::send_flags::sndmore);
    control_.send(zmq::buffer(response.SerializeAsString()), zmq::send_flags::none);
  }
  void acknowledge(std::uint64_t incarnation, Kind kind, std::uint64_t through) {
    v1::MetricsResponse response;
    response.mutable_ack()->set_incarnation(incarnation);
    auto& stored = *response.mutable_ack()->add_stored();
    stored.set_kind(kind);
    stored.set_sequence(through);
    send(response);
  }
  int hellos() const { return hellos_; }
  const std::string& last_topic() const { return last_topic_; }

 private:
  std::string at(int offset) const { return "tcp://127.0.0.1:" + std::to_string(port_ + offset); }

  zmq::context_t context_;
  zmq::socket_t data_;
  zmq::socket_t control_;
  int port_ = 0;
  int hellos_ = 0;
  std::string peer_;
  std::string last_topic_;
};

TEST(ProducerWire, SaysHelloFirstAndBeatsWithItsPositions) {
  WirePeer peer;
  ProducerOptions fast = options(peer.address());
  fast.heartbeat_interval = milliseconds(20);
  Producer bus(fast);
  bus.log_batch({});
  bus.log_batch({});
  bus.log_epoch({});
  bus.expect_next_step_within(seconds(60));
  const auto hello = peer.next_control();
  ASSERT_TRUE(hello.has_hello());
  EXPECT_EQ(hello.session_id(), "r/t");
  EXPECT_EQ(hello.incarnation(), bus.incarnation());
  v1::MetricsRequest beat;
  ASSERT_TRUE(eventually("a heartbeat that knows all", [&] {
    beat = peer.next_data(v1::KIND_HEARTBEAT);
    return beat.heartbeat().highest_size() == 2;
  }));
  EXPECT_EQ(beat.sequence(), beat.heartbeat().sequence_number());
  EXPECT_EQ(beat.heartbeat().step(), 2u);
  EXPECT_EQ(beat.heartbeat().highest(0).kind(), v1::KIND_BATCH);
  EXPECT_EQ(beat.heartbeat().highest(0).sequence(), 2u);
  EXPECT_GT(beat.heartbeat().next_checkin_ms(), 50'000);
  EXPECT_EQ(peer.next_data(v1::KIND_HEARTBEAT).sequence(), beat.sequence() + 1);
  bus.close(milliseconds(0));
}

TEST(ProducerWire, ABrokerThatSaysGoodbyeIsGreetedUntilItAnswersAndGetsEverything) {
  WirePeer peer;
  Producer bus(options(peer.address()));
  peer.next_control();
  ASSERT_TRUE(eventually("connected", [&] { return bus.connected(); }));
  v1::MetricsResponse goodbye;
  goodbye.mutable_goodbye()->set_reason("SIGTERM");
  peer.send(goodbye);
  ASSERT_TRUE(eventually("not connected", [&] { return !bus.connected(); }));
  bus.log_batch({.batch = 5});
  EXPECT_EQ(peer.hellos(), 1);
  EXPECT_EQ(peer.next_control().batch_data().batch_idx(), 5);
  EXPECT_EQ(peer.hellos(), 2) << "the record came after the greeting";
  EXPECT_TRUE(bus.connected());
  peer.acknowledge(bus.incarnation(), v1::KIND_BATCH, 1);
  EXPECT_TRUE(bus.close(seconds(5)));
}

TEST(ProducerWire, SendsAgainOnTheControlPortByteForByteUntilAcknowledged) {
  WirePeer peer;
  Producer bus(options(peer.address()));
  peer.next_control();
  bus.log_batch({.batch = 5});
  bus.log_batch({.batch = 6});
  const auto published = peer.next_data(v1::KIND_BATCH);
  EXPECT_EQ(published.batch_data().batch_idx(), 5);
  const auto again = peer.next_control();
  EXPECT_EQ(peer.last_topic(), "batch/r/t/");
  EXPECT_EQ(again.SerializeAsString(), published.SerializeAsString());
  peer.next_control();
  peer.acknowledge(bus.incarnation() + 1, v1::KIND_BATCH, 2);  // somebody else's
  peer.acknowledge(bus.incarnation(), v1::KIND_BATCH, 1);
  EXPECT_EQ(peer.next_control().batch_data().batch_idx(), 6);
  EXPECT_EQ(bus.counters().stored, 1u);
  peer.acknowledge(bus.incarnation(), v1::KIND_BATCH, 2);
  EXPECT_TRUE(bus.close(seconds(5)));
  EXPECT_GE(bus.counters().resent, 3u);
}

TEST(ProducerWire, ForeignBytesOnTheControlPortDoNoHarm) {
  WirePeer peer;
  Producer bus(options(peer.address()));
  peer.next_control();
  v1::MetricsResponse odd;
  odd.mutable_ack()->set_incarnation(bus.incarnation());
  auto& position = *odd.mutable_ack()->add_stored();
  position.set_kind(static_cast<Kind>(77));
  position.set_sequence(~0ull);
  peer.send(odd);
  odd.Clear();
  odd.mutable_demand()->set_max_rate_hz(-1);
  odd.mutable_demand()->set_max_pixels(-5);
  odd.mutable_demand()->set_lease_ms(INT64_MIN);
  peer.send(odd);
  odd.Clear();
  odd.mutable_command()->set_command_id("short");
  peer.send(odd);
  const auto report = peer.next_control();
  EXPECT_EQ(report.command_report().state(), v1::COMMAND_REJECTED);
  bus.log_batch({});
  EXPECT_TRUE(peer.next_data(v1::KIND_BATCH).has_batch_data());
  bus.close(milliseconds(0));
}

}  // namespace
}  // namespace trainbus
