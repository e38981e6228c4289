// Messages that never end, on each port: libzmq collects their frames, so who sends them is cut, and nobody else is.

#include <gmock/gmock.h>

#include <deque>

#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;
using ::testing::HasSubstr;
namespace zmtp = test::zmtp;

class EndlessMessage : public test::Siege {
 protected:
  static constexpr long kMaxGrownMib = 150;  // at any time, with what is kept for others
  static constexpr std::size_t kEnough = 48 << 20;

  std::string frames_of(std::string_view body) {
    std::string block;
    while (block.size() < (64 << 10))
      block += zmtp::frame(body, zmtp::kMore);
    return block;
  }
  ZmtpPeer peer_of(int which) {
    static const char* const kTypes[] = {"PUB", "SUB", "DEALER"};
    ZmtpPeer peer(port(which));
    EXPECT_TRUE(peer.shake_hands(kTypes[which]));
    return peer;
  }
  // Sends until it is cut, or enough was sent; how much.
  static std::size_t send_until_cut(ZmtpPeer& peer, const std::string& block) {
    std::size_t sent = 0;
    while (sent < kEnough && peer.send(block))
      sent += block.size();
    return sent;
  }
  std::uint64_t cut() {
    const auto stats = ctl_->stats(60s);
    for (const auto& limit : stats->limits())
      if (limit.name() == "unfinished_messages") return limit.met_total();
    return 0;
  }
  void expect_bounded() {
    const long grown = test::memory_mib(broker_->pid(), "VmHWM") - memory_before_;
    EXPECT_LE(grown, kMaxGrownMib);
    EXPECT_GE(cut(), 1U);
    EXPECT_TRUE(broker_->wait_for("bytes of an unfinished message")) << broker_->output();
    expect_unharmed();
  }
};

TEST_F(EndlessMessage, EmptyFramesOnTheDataPortEndThatConnection) {
  auto peer = peer_of(0);
  EXPECT_LT(send_until_cut(peer, frames_of("")), kEnough);
  expect_bounded();
}

TEST_F(EndlessMessage, EmptyFramesOnTheControlPortEndThatConnection) {
  auto peer = peer_of(2);
  EXPECT_LT(send_until_cut(peer, frames_of("")), kEnough);
  expect_bounded();
}

TEST_F(EndlessMessage, EmptyFramesOfASubscriberEndThatConnection) {
  auto peer = peer_of(1);
  EXPECT_LT(send_until_cut(peer, frames_of("")), kEnough);
  expect_bounded();
}

TEST_F(EndlessMessage, SmallFramesOfManyPeersOnEveryPortEndThem) {
  std::deque<ZmtpPeer> peers;
  for (int i = 0; i < 12; ++i)
    peers.push_back(peer_of(i % 3));
  const std::vector<std::string> blocks = {frames_of(""), frames_of("x"), frames_of(std::string(30, 'x'))};
  std::size_t sent = 0;
  for (bool any = true; any && sent < 4 * kEnough;) {
    any = false;
    for (std::size_t i = 0; i < peers.size(); ++i) {
      if (!peers[i].send(blocks[i % blocks.size()])) continue;
      sent += blocks[0].size();
      any = true;
    }
  }
  EXPECT_LT(sent, 4 * kEnough);
  expect_bounded();
}

// What has an end is no attack, whatever its size: the largest message of tiles, in a slow piece after the other.
TEST_F(EndlessMessage, TheLargestMessageThatIsAllowedPasses) {
  auto peer = peer_of(0);
  v1::MetricsRequest record;
  record.set_session_id("hostile/large");
  record.set_incarnation(1);
  record.set_sequence(1);
  record.mutable_batch_data()->add_images()->set_image_bytes(std::string(15 << 20, 'x'));
  const auto message = zmtp::message(std::vector<std::string>{"tiles/hostile/large/", record.SerializeAsString()});
  for (int count = 0; count < 3; ++count)
    for (std::size_t at = 0; at < message.size(); at += 1 << 20)
      ASSERT_TRUE(peer.send(std::string_view(message).substr(at, 1 << 20)));
  EXPECT_TRUE(eventually("they are heard", [&] {
    return sum_of(counters(), "tiles_in_total") + sum_of(counters(), "data_rejected_total") >= 3;
  }));
  EXPECT_EQ(cut(), 0U);
  EXPECT_TRUE(peer.drain()) << "it is still connected";
  peer.reset();
  expect_unharmed();
}

}  // namespace
}  // namespace trainbus
