// Ten thousand hostile messages from a broker to the SDKs: whatever it says, they neither crash, throw nor hang.

#include <google/protobuf/stubs/logging.h>

#include <atomic>
#include <iostream>

#include "broker/bound_sockets.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/hostile_bytes.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/tile_feed.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr int kInputs = 10'000;
constexpr auto* kHonest = "hostile/honest";
constexpr std::uint64_t kHonestIncarnation = 7;

// Answers every request with anything, and speaks unasked. In a thread of its own, until it has said kInputs.
class HostileBroker {
 public:
  explicit HostileBroker(std::uint64_t seed) : hostile_(seed) {
    for (auto* socket : {&sockets_.xsub, &sockets_.xpub, &sockets_.router})
      socket->set(zmq::sockopt::linger, 0);
    sockets_.router.set(zmq::sockopt::router_mandatory, false);
    thread_ = std::thread([this] { run(); });
  }
  ~HostileBroker() {
    running_ = false;
    thread_.join();
  }
  std::string address() const { return sockets_.endpoints.base(); }
  int said() const { return said_; }
  // From now on every fetch is answered with the first record of hostile/honest, and nothing else is said.
  void turn_honest() { honest_ = true; }

 private:
  void run() {
    std::vector<zmq::message_t> frames;
    while (running_) {
      zmq::pollitem_t item{sockets_.router.handle(), 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, 1);
      while (receive_message(sockets_.xsub, frames) || receive_message(sockets_.xpub, frames))
        continue;
      while (receive_message(sockets_.router, frames))
        hear(frames);
      for (int i = 0; i < 20 && said_ < kInputs; ++i)
        speak();
    }
  }
  void hear(const std::vector<zmq::message_t>& frames) {
    v1::MetricsRequest request;
    if (peers_.size() < 16) peers_.push_back(frames[0].to_string());
    if (frames.size() != 2 || decode_control(bytes_of(frames[1]), request) != WireError::kNone) return;
    auto response = honest_ ? honest_response(request) : odd_response();
    response.set_request_id(request.request_id());
    send(sockets_.router, {frames[0].to_string(), response.SerializeAsString()});
  }
  void speak() {
    ++said_;
    switch (hostile_.below(4)) {
      case 0: return send(sockets_.xsub, {std::string(1, hostile_.one_in(2) ? '\1' : '\0') + hostile_.topic()});
      case 1: return send(sockets_.xpub, {hostile_.one_in(2) ? topic() : hostile_.topic(), record()});
      case 2: return send(sockets_.xpub, std::vector<std::string>(1 + hostile_.below(8), topic()));
      default: break;
    }
    if (peers_.empty()) return;
    const auto response = odd_response().SerializeAsString();
    std::vector<std::string> frames(hostile_.one_in(10) ? hostile_.below(6) : 1, response);
    if (!frames.empty() && hostile_.one_in(3)) frames.back() = hostile_.damaged(response);
    frames.insert(frames.begin(), hostile_.pick(peers_));
    send(sockets_.router, frames);
  }
  static void send(zmq::socket_t& socket, const std::vector<std::string>& frames) {
    for (std::size_t i = 0; i < frames.size(); ++i)
      socket.send(zmq::buffer(frames[i]), (i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none) |
                                              zmq::send_flags::dontwait);
  }

  static v1::MetricsResponse honest_response(const v1::MetricsRequest& request) {
    v1::MetricsRequest record;
    record.set_session_id(kHonest);
    record.set_incarnation(kHonestIncarnation);
    record.set_sequence(1);
    record.mutable_batch_data()->set_batch_loss(0.5);
    v1::MetricsResponse response;
    if (!request.has_fetch()) return response;
    auto& reply = *response.mutable_fetch_reply();
    auto& stored = *reply.add_records();
    stored.set_position(1);
    stored.set_kind(v1::KIND_BATCH);
    stored.set_message(record.SerializeAsString());
    reply.set_next_position(2);
    reply.set_end_position(1);
    reply.set_at_end(true);
    reply.set_broker_incarnation(kHonestIncarnation);
    return response;
  }

  std::string topic() { return topic_text(hostile_.pick(kAllKinds), "hostile", "t0"); }
  std::string record() {
    v1::MetricsRequest record;
    record.set_session_id("hostile/t0");
    record.set_incarnation(hostile_.number());
    record.set_sequence(hostile_.number());
    fill_payload(record);
    const auto bytes = record.SerializeAsString();
    return hostile_.one_in(4) ? hostile_.damaged(bytes) : bytes;
  }
  v1::MetricsResponse odd_response() {
    v1::MetricsResponse response;
    fill_payload(response);
    response.set_timestamp_ms(static_cast<std::int64_t>(hostile_.number()));
    if (response.has_fetch_reply())
      for (auto& stored : *response.mutable_fetch_reply()->mutable_records())
        stored.set_message(record());
    if (response.has_command() && hostile_.one_in(2)) {
      response.mutable_command()->set_command_id(new_command_id());
      response.mutable_command()->set_expected_incarnation(0);
      response.mutable_command()->set_time_to_live_ms(0);
    }
    return response;
  }
  void fill_payload(google::protobuf::Message& message) {
    const auto* payloads = message.GetDescriptor()->FindOneofByName("payload");
    const auto count = static_cast<std::size_t>(payloads->field_count());
    hostile_.fill(
        *message.GetReflection()->MutableMessage(&message, payloads->field(static_cast<int>(hostile_.below(count)))));
  }

  test::HostileBytes hostile_;
  zmq::context_t context_;
  BoundSockets sockets_{bind_sockets(context_, parse_endpoints("tcp://127.0.0.1:*"))};
  std::vector<std::string> peers_;
  std::atomic<int> said_{0};
  std::atomic<bool> honest_{false}, running_{true};
  std::thread thread_;
};

class HostileBrokerTest : public testing::Test {
 protected:
  HostileBrokerTest() { std::cout << "TRAINBUS_HOSTILE_SEED=" << seed_ << std::endl; }
  void until_all_was_said(const std::function<void()>& turn) {
    EXPECT_TRUE(eventually(
        "everything was said",
        [&] {
          turn();
          return broker_.said() >= kInputs;
        },
        20s));
  }

  const google::protobuf::LogSilencer quiet_;
  const std::uint64_t seed_ = test::hostile_seed();
  HostileBroker broker_{seed_};
};

TEST_F(HostileBrokerTest, ATrainerGoesOn) {
  Producer producer({.run = "hostile", .trainer = "t0", .broker = broker_.address(), .spool_dir = {}});
  producer.on_learning_rate([](double value) { return Applied{0.1, value}; });
  std::atomic<bool> training{true};
  std::thread trainer([&] {
    for (int batch = 0; training; ++batch) {
      producer.step();  // a pause waits in here
      producer.log_batch({.epoch = 1, .batch = batch, .batch_size = 1, .loss = 0.5, .accuracy = 0.5});
    }
  });
  until_all_was_said([&] {
    const auto counters = producer.counters();  // once: the trainer goes on meanwhile
    EXPECT_LE(counters.in_outbox, counters.accepted) << "as acknowledged as never logged";
  });
  training = false;
  producer.interrupt();
  trainer.join();
  producer.close(100ms);
}

TEST_F(HostileBrokerTest, AConsumerGoesOn) {
  Consumer consumer({.broker = broker_.address(), .heartbeats = true});
  bool heard_honest = false;
  const auto take_all = [&] {
    for (const Record* record; (record = consumer.next(0ms)) != nullptr;) {
      EXPECT_TRUE(parse_session_id(record->topic.session.id()));
      heard_honest |= record->topic.session.id() == kHonest && record->message.incarnation() == kHonestIncarnation;
    }
  };
  until_all_was_said(take_all);
  broker_.turn_honest();
  EXPECT_TRUE(eventually("a good record is handed out", [&] {
    take_all();
    return heard_honest;
  }));
}

TEST_F(HostileBrokerTest, TileFeedsAndOperatorsGoOn) {
  TileFeed tiles(broker_.address());
  tiles.watch({"hostile", "t0"}, 60, 256);
  ControlClient ctl(broker_.address());
  until_all_was_said([&] {
    tiles.take();
    ctl.list("", 20ms);
    ctl.commands_of("hostile/t0", 20ms);
    ctl.stats(20ms);
  });
}

}  // namespace
}  // namespace trainbus
