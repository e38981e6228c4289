// What the producer SDK says on the wire, to a broker of the test's own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>
#include <zmq.hpp>

#include "tests/support/eventually.hpp"
#include "tests/support/patient_receive.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using test::receive_patiently;

ProducerOptions options(const std::string& broker) {
  return {.run = "r", .trainer = "t", .broker = broker, .spool_dir = {}};
}

// One SUB and one ROUTER socket; welcomes every HELLO.
class WirePeer {
 public:
  WirePeer() : data_(context_, zmq::socket_type::sub), control_(context_, zmq::socket_type::router) {
    data_.set(zmq::sockopt::subscribe, "");
    for (auto* socket : {&data_, &control_})
      socket->set(zmq::sockopt::linger, 0);
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
      if (!receive_patiently(control_, peer) || !receive_patiently(control_, body)) return message;
      peer_ = peer.to_string();
      if (body.more()) {
        last_topic_ = body.to_string();
        static_cast<void>(control_.recv(body));
      }
      message.ParseFromArray(body.data(), static_cast<int>(body.size()));
      if (!message.has_hello()) return message;
      v1::MetricsResponse response;
      response.mutable_welcome()->set_broker_incarnation(broker_incarnation);
      response.mutable_welcome()->set_wire_version(wire_version);
      send(response);
      if (++hellos_ == 1) return message;
    }
  }
  v1::MetricsRequest next_data(Kind kind) {
    for (;;) {
      zmq::message_t topic, body;
      v1::MetricsRequest message;
      if (!receive_patiently(data_, topic) || !receive_patiently(data_, body)) return message;
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
  // What the trainer reports of a command, DELIVERED passed over.
  v1::ControlCommand answer_to(const v1::ControlCommand& command) {
    v1::MetricsResponse response;
    *response.mutable_command() = command;
    send(response);
    for (;;) {
      const auto message = next_control();
      const bool silence = message.payload_case() == v1::MetricsRequest::PAYLOAD_NOT_SET;
      if (silence || message.command_report().state() > v1::COMMAND_DELIVERED) return message.command_report();
    }
  }
  std::uint32_t wire_version = 0;  // of its welcomes; 0: not said
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
  bus.expect_next_step_within(seconds(60));
  bus.log_epoch({});  // last: a heartbeat that knows it knows everything
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
  const int greeted = peer.hellos();
  EXPECT_EQ(peer.next_control().batch_data().batch_idx(), 5);
  EXPECT_GT(peer.hellos(), greeted) << "the record came after the greeting";
  EXPECT_TRUE(eventually("connected again", [&] { return bus.connected(); }));
  peer.acknowledge(bus.incarnation(), v1::KIND_BATCH, 1);
  EXPECT_TRUE(bus.close(seconds(60)));
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
  ASSERT_TRUE(eventually("one is stored", [&] { return bus.counters().stored == 1; }));
  // Rounds that were sent before it heard so may still come.
  ASSERT_TRUE(eventually("only the other comes again", [&] {
    return peer.next_control().batch_data().batch_idx() == 6 && peer.next_control().batch_data().batch_idx() == 6;
  }));
  peer.acknowledge(bus.incarnation(), v1::KIND_BATCH, 2);
  EXPECT_TRUE(bus.close(seconds(60)));
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

TEST(ProducerWire, ABrokerOfAnotherVersionIsRefusedWithOneLineAndGetsNothing) {
  WirePeer peer;
  peer.wire_version = kWireVersion + 1;
  std::atomic<int> lines{0};
  ProducerOptions watched = options(peer.address());
  watched.on_problem = [&](const std::string&) { ++lines; };
  Producer bus(watched);
  bus.log_batch({});
  const auto hello = peer.next_control();
  EXPECT_EQ(hello.hello().wire_version(), kWireVersion);
  ASSERT_TRUE(eventually("refused", [&] { return !bus.broker_problem().empty(); }));
  EXPECT_EQ(bus.broker_problem(), "the broker refuses this trainer: it speaks version 2 of the wire, this trainer 1");
  EXPECT_FALSE(bus.connected());
  EXPECT_EQ(lines, 1);
  peer.wire_version = kWireVersion;
  EXPECT_TRUE(peer.next_control().has_batch_data()) << "greeted again, welcomed, and only then given the record";
  EXPECT_GE(peer.hellos(), 2);
  EXPECT_EQ(bus.broker_problem(), "");
  bus.close(milliseconds(0));
}

v1::ControlCommand command_of(v1::CommandType type, const std::map<std::string, std::string>& parameters) {
  v1::ControlCommand command;
  command.set_type(type);
  command.set_command_id(new_command_id());
  command.mutable_parameters()->insert(parameters.begin(), parameters.end());
  return command;
}

TEST(ProducerWire, TheTrainerChecksAKnobsValueItselfWhateverTheBrokerLetThrough) {
  WirePeer peer;
  Producer bus(options(peer.address()));
  int calls = 0;
  bus.on_number({.name = "momentum", .min = 0.0, .max = 1.0}, 0.5, [&](double) {
    ++calls;
    return Applied{};
  });
  std::atomic<bool> training{true};
  std::thread loop([&] {
    while (training && bus.step())
      std::this_thread::sleep_for(milliseconds(1));
  });
  peer.next_control();
  for (const std::string value : {"1.5", "-0.1", "nan", "inf", "1e999", "", "0.5x", "0x1p-1"}) {
    const auto answer = peer.answer_to(command_of(v1::SET_KNOB, {{"name", "momentum"}, {"value", value}}));
    EXPECT_EQ(answer.state(), v1::COMMAND_REJECTED) << value;
    EXPECT_NE(answer.reason().find("from 0 to 1"), std::string::npos) << answer.reason();
  }
  EXPECT_EQ(peer.answer_to(command_of(v1::SET_KNOB, {{"name", "other"}, {"value", "1"}})).reason(),
            "this trainer has no knob 'other'");
  EXPECT_EQ(peer.answer_to(command_of(v1::SET_KNOB, {{"name", "momentum"}})).state(), v1::COMMAND_REJECTED);
  EXPECT_EQ(peer.answer_to(command_of(v1::SET_KNOB, {{"name", "momentum"}, {"value", "1"}})).state(),
            v1::COMMAND_APPLIED);
  training = false;
  loop.join();
  EXPECT_EQ(calls, 1);
  bus.close(milliseconds(0));
}

// Clocks of two machines differ: a deadline of long ago means nothing beside the time that is left.
TEST(ProducerWire, ACommandExpiresByItsDurationWhateverTheClocksSay) {
  WirePeer peer;
  Producer bus(options(peer.address()));
  peer.next_control();
  auto late = command_of(v1::PAUSE_TRAINING, {});
  late.set_deadline_ms(1);
  late.set_time_to_live_ms(600'000);
  v1::MetricsResponse response;
  *response.mutable_command() = late;
  peer.send(response);
  EXPECT_EQ(peer.next_control().command_report().state(), v1::COMMAND_DELIVERED);
  auto soon = command_of(v1::STOP_TRAINING, {});
  soon.set_deadline_ms(INT64_MAX);
  soon.set_time_to_live_ms(50);
  const auto answer = peer.answer_to(soon);  // nobody calls step()
  EXPECT_EQ(answer.command_id(), soon.command_id());
  EXPECT_EQ(answer.state(), v1::COMMAND_EXPIRED);
  EXPECT_EQ(answer.reason(), "its time was over before the training reached a step");
  EXPECT_FALSE(bus.stop_commanded());
  bus.close(milliseconds(0));
}

}  // namespace
}  // namespace trainbus
