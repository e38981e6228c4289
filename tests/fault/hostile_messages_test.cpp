// Ten thousand hostile messages to each socket of the broker, through handshakes that are in order: frames of any
// number and size, topics outside the grammar, damaged records, requests and subscriptions, and valid ones with values
// that nobody sane would send.

#include <array>

#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;
namespace zmtp = test::zmtp;

constexpr int kInputs = 10'000;
using Frames = std::vector<std::string>;
using Rejected = std::array<std::uint64_t, static_cast<std::size_t>(WireError::kCount)>;

class HostileMessages : public test::Siege {
 protected:
  // A record that is in order but for the odd values in it.
  v1::MetricsRequest odd_record(Kind kind) {
    v1::MetricsRequest message;
    message.set_session_id("hostile/h" + std::to_string(hostile_.below(50)));
    message.set_timestamp_ms(static_cast<std::int64_t>(hostile_.number()));
    message.set_incarnation(hostile_.number());
    message.set_sequence(hostile_.number());
    switch (kind) {
      case v1::KIND_TILES:
      case v1::KIND_BATCH: {
        auto& batch = *message.mutable_batch_data();
        hostile_.fill(batch);
        if (kind == v1::KIND_BATCH) batch.clear_images();
        for (auto& image : *batch.mutable_images()) {
          image.set_width(1 + static_cast<int>(hostile_.below(512)));
          image.set_height(1 + static_cast<int>(hostile_.below(512)));
          image.set_image_bytes(hostile_.bytes(1 + hostile_.below(100)));
        }
        break;
      }
      case v1::KIND_EPOCH: hostile_.fill(*message.mutable_epoch_data()); break;
      case v1::KIND_PERF: hostile_.fill(*message.mutable_performance_data()); break;
      case v1::KIND_STATUS: hostile_.fill(*message.mutable_status_update()); break;
      case v1::KIND_COMMAND: hostile_.fill(*message.mutable_command()); break;
      case v1::KIND_ALERT: hostile_.fill(*message.mutable_alert()); break;
      default: hostile_.fill(*message.mutable_heartbeat()); break;
    }
    return message;
  }

  Frames malformed_message() {
    const Kind kind = hostile_.pick(kAllKinds);
    const auto record = odd_record(kind);
    const std::string topic = std::string(kind_name(kind)) + '/' + record.session_id() + '/';
    const std::string body = record.SerializeAsString();
    switch (hostile_.below(6)) {
      case 0: return Frames(1 + hostile_.below(8), hostile_.bytes(hostile_.below(40)));
      case 1: return {hostile_.topic(), body};
      case 2: return {topic, hostile_.damaged(body)};
      case 3: return {topic, hostile_.bytes(hostile_.below(400))};
      case 4: return {topic_text(hostile_.pick(kAllKinds), "hostile", "h1"), body};
      default: return {topic, body, body};
    }
  }

  // A request of any type, odd values in all its fields, in anybody's name but not about the witness's own records.
  v1::MetricsRequest odd_request() {
    static const std::string kNames[] = {"hostile/h1", "hostile/h2", "hostile/*", "witness/t0",
                                         "witness/*",  "",           "no name",   "/"};
    v1::MetricsRequest request;
    const auto* payloads = request.GetDescriptor()->FindOneofByName("payload");
    const auto* payload =
        payloads->field(static_cast<int>(hostile_.below(static_cast<std::size_t>(payloads->field_count()))));
    hostile_.fill(*request.GetReflection()->MutableMessage(&request, payload));
    request.set_session_id(hostile_.pick(kNames));
    request.set_timestamp_ms(static_cast<std::int64_t>(hostile_.number()));
    request.set_request_id(hostile_.number());
    request.set_incarnation(hostile_.number());
    request.set_sequence(hostile_.number());
    auto* command = request.has_issue_command() ? request.mutable_issue_command() : nullptr;
    if (command != nullptr && !hostile_.one_in(3)) {
      command->set_command_id(new_command_id());
      command->set_type(static_cast<v1::CommandType>(1 + hostile_.below(5)));
      (*command->mutable_parameters())["value"] = hostile_.one_in(2) ? "16" : hostile_.text();
      command->clear_issuer();
    }
    return request;
  }
  v1::MetricsRequest greedy_fetch() {
    v1::MetricsRequest request;
    request.mutable_fetch()->set_max_bytes(UINT32_MAX);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      auto* head = request.mutable_fetch()->add_heads();
      head->set_kind(v1::KIND_BATCH);
      head->set_sequence(i);
    }
    return request;
  }
  Frames control_frames() {
    if (hostile_.one_in(500)) return {greedy_fetch().SerializeAsString()};
    switch (hostile_.below(6)) {
      case 0: return Frames(1 + hostile_.below(8), hostile_.bytes(hostile_.below(40)));
      case 1: return {hostile_.damaged(odd_request().SerializeAsString())};
      case 2: return malformed_message();
      case 3: {
        const Kind kind = hostile_.pick(kAllKinds);
        const auto record = odd_record(kind);
        return {std::string(kind_name(kind)) + '/' + record.session_id() + '/', record.SerializeAsString()};
      }
      default: return {odd_request().SerializeAsString()};
    }
  }

  // What the broker must find wrong with a message on the data port.
  static WireError verdict(const Frames& frames) {
    if (frames.size() != 2) return WireError::kFrameCount;
    Topic topic;
    v1::MetricsRequest message;
    const WireError error = decode_record(frames[0], frames[1], topic, message);
    return error == WireError::kNone && topic.kind == v1::KIND_COMMAND ? WireError::kForbiddenKind : error;
  }

  void wait_until_taken(const std::string& counter, std::uint64_t count) {
    EXPECT_TRUE(eventually(
        "the broker took everything in", [&] { return counters()[counter] >= count; }, 20s));
  }
};

TEST_F(HostileMessages, MalformedRecordsAreCountedByReasonAndDropped) {
  constexpr std::size_t kManyFrames = 100'000;
  Rejected expected{};
  ZmtpPeer peer(port(0));
  ASSERT_TRUE(peer.shake_hands("PUB"));
  const auto send = [&](const Frames& frames) {
    ++expected[static_cast<std::size_t>(verdict(frames))];
    ASSERT_TRUE(peer.send(zmtp::message(frames)));
  };
  const auto before = counters();
  for (int i = 0; i < kInputs; ++i) {
    send(malformed_message());
    if (i % 1000 == 0) send(Frames(kManyFrames, "x"));
  }
  send({"batch/hostile/h0/", std::string(kMaxRecordBytes + 1, '\0')});
  std::uint64_t wrong = 0;
  for (std::size_t i = 1; i < expected.size(); ++i)
    wrong += expected[i];
  EXPECT_TRUE(eventually(
      "everything wrong was counted", [&] { return sum_of(counters(), "data_rejected_total") >= wrong; }, 20s));
  const auto after = counters();
  for (std::size_t i = 1; i < expected.size(); ++i) {
    const std::string name =
        "data_rejected_total{reason=\"" + std::string(wire_error_name(static_cast<WireError>(i))) + "\"}";
    EXPECT_EQ(after.at(name) - before.at(name), expected[i]) << name;
  }
  EXPECT_GT(expected[static_cast<std::size_t>(WireError::kNotProtobuf)], 100u);
  EXPECT_GT(expected[static_cast<std::size_t>(WireError::kBadTopic)], 100u);
  peer.reset();
  expect_unharmed();
}

TEST_F(HostileMessages, FramesOverTheLimitEndTheConnection) {
  const std::pair<int, std::string> doors[] = {{0, "PUB"}, {1, "SUB"}, {2, "DEALER"}};
  const std::size_t limits[] = {kMaxTilesBytes, 1024, kMaxRecordBytes};
  for (const auto& [which, type] : doors) {
    for (int i = 0; i < 20; ++i) {
      ZmtpPeer peer(port(which));
      ASSERT_TRUE(peer.shake_hands(type));
      peer.send(zmtp::frame(std::string(64 << 10, '\1'), zmtp::kLong, limits[which] + 1 + hostile_.below(1 << 20)));
      EXPECT_TRUE(eventually("hung up on", [&] { return !peer.drain(); }));
    }
  }
  expect_unharmed();
}

// Valid on the wire: these are taken, stored, listed and forwarded, and nothing breaks, now or after a restart.
TEST_F(HostileMessages, OddValuesAreTakenAndBreakNothing) {
  ZmtpPeer peer(port(0));
  ASSERT_TRUE(peer.shake_hands("PUB"));
  for (int i = 0; i < kInputs; ++i) {
    const Kind kind = hostile_.pick(kAllKinds);
    const auto record = odd_record(kind);
    ASSERT_TRUE(peer.send(zmtp::message(
        Frames{std::string(kind_name(kind)) + '/' + record.session_id() + '/', record.SerializeAsString()})));
  }
  wait_until_taken("data_messages_in_total", kInputs);
  EXPECT_TRUE(ctl_->list("", 30s));
  peer.reset();
  expect_unharmed();
  start(address_);
  EXPECT_GT(ctl_->list("hostile", 30s)->trainers_size(), 0);
  expect_clean_journal();
}

TEST_F(HostileMessages, ControlRequestsAreAnsweredOrCounted) {
  const auto before = counters();
  zmq::context_t context;
  std::vector<zmq::socket_t> dealers;
  for (int i = 0; i < 8; ++i) {
    dealers.emplace_back(context, zmq::socket_type::dealer);
    dealers.back().set(zmq::sockopt::linger, 0);
    dealers.back().set(zmq::sockopt::sndtimeo, 60'000);
    dealers.back().connect(endpoints_.control());
  }
  for (int i = 0; i < kInputs; ++i) {
    auto& dealer = dealers[hostile_.below(dealers.size())];
    const Frames frames = control_frames();
    for (std::size_t at = 0; at < frames.size(); ++at)
      ASSERT_TRUE(dealer.send(zmq::buffer(frames[at]),
                              at + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none));
  }
  wait_until_taken("control_requests_total", before.at("control_requests_total") + kInputs);
  const auto after = counters();
  EXPECT_GT(sum_of(after, "control_rejected_total"), sum_of(before, "control_rejected_total") + kInputs / 10);
  dealers.clear();
  expect_unharmed();
  start(address_);
  expect_clean_journal();
}

}  // namespace
}  // namespace trainbus
