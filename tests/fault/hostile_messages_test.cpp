// Ten thousand hostile messages to each socket of the broker, through handshakes that are in order: frames of any
// number and size, topics outside the grammar, damaged records, requests and subscriptions, and valid ones with values
// that nobody sane would send.

#include <array>

#include "tests/support/hostile_frames.hpp"
#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;
namespace zmtp = test::zmtp;

constexpr int kInputs = 10'000;
using test::Frames;
using Rejected = std::array<std::uint64_t, static_cast<std::size_t>(WireError::kCount)>;

class HostileMessages : public test::Siege {
 protected:
  // What the broker must find wrong with a message on the data port.
  static WireError verdict(const Frames& frames) {
    if (frames.size() != 2) return WireError::kFrameCount;
    Topic topic;
    v1::MetricsRequest message;
    const WireError error = decode_record(frames[0], frames[1], topic, message);
    return error == WireError::kNone && topic.kind == v1::KIND_COMMAND ? WireError::kForbiddenKind : error;
  }

  test::HostileFrames frames_{hostile_};

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
    send(frames_.malformed_message());
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
    const auto record = frames_.odd_record(kind);
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
    const Frames frames = frames_.control_frames();
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
