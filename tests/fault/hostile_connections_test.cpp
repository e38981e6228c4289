// Ten thousand hostile connections to each socket of the broker: bytes that are no ZMTP, handshakes cut anywhere,
// frames that lie, and connections that say nothing.

#include <deque>

#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;
namespace zmtp = test::zmtp;

constexpr int kInputs = 10'000;

struct Door {
  const char* name;
  int which;                // of the three ports
  const char* socket_type;  // of a peer that belongs there
  const char* counter;      // of what gets through
};

class HostileConnections : public test::Siege, public testing::WithParamInterface<Door> {
 protected:
  // What is said from the first byte on, or after a handshake in order.
  void attack(ZmtpPeer& peer) {
    const std::string handshake = zmtp::handshake(GetParam().socket_type);
    switch (hostile_.below(9)) {
      case 0: peer.send(hostile_.bytes(1 + hostile_.below(4096))); return;
      case 1: peer.send(handshake.substr(0, next_cut_++ % handshake.size())); return;
      case 2: peer.send(hostile_.damaged(handshake)); return;
      case 3: peer.send(zmtp::handshake(hostile_.pick(kOtherTypes))); return;
      case 4: peer.send(hostile_.pick(kOtherProtocols)); return;
      default: break;
    }
    if (peer.shake_hands(GetParam().socket_type)) peer.send(frame());
  }
  std::string frame() {
    switch (hostile_.below(4)) {
      case 0: return hostile_.bytes(1 + hostile_.below(4096));
      case 1: return zmtp::frame(hostile_.bytes(hostile_.below(300)), flags(), hostile_.number());
      case 2: return zmtp::command(hostile_.pick(kCommands), hostile_.bytes(hostile_.below(40)));
      default: return zmtp::frame(hostile_.topic(), zmtp::kMore) + zmtp::frame("", flags());
    }
  }
  std::uint8_t flags() { return static_cast<std::uint8_t>(hostile_.below(256)); }

  static inline const std::string kOtherTypes[] = {"PUSH", "PULL", "REQ", "PAIR", "STREAM", "", std::string(255, 'X')};
  static inline const std::string kCommands[] = {"PING", "PONG", "SUBSCRIBE", "CANCEL", "ERROR", "READY", "", "QUIT"};
  static inline const std::string kOtherProtocols[] = {
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", std::string("\x16\3\1\2\0\1\0\1\xfc\3\3", 11), "\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n", std::string("\xff\0\0\0\0\0\0\0\1\x7f\1\0", 12)};

 private:
  std::size_t next_cut_ = 0;
};

TEST_P(HostileConnections, TenThousandChangeNothing) {
  constexpr std::size_t kOpenAtOnce = 200;
  std::deque<ZmtpPeer> open;
  for (int i = 0; i < kInputs; ++i) {
    ZmtpPeer peer(port(GetParam().which));
    attack(peer);
    if (hostile_.one_in(4)) peer.shut_down_sending();
    open.push_back(std::move(peer));
    if (open.size() < kOpenAtOnce) continue;
    open.front().wait_until_heard();
    open.front().reset();
    open.pop_front();
  }
  for (auto& peer : open)
    peer.reset();
  const auto counted = counters();
  EXPECT_GT(sum_of(counted, GetParam().counter), 0u);
  expect_unharmed();
}

TEST_P(HostileConnections, HundredsThatSayNothingAreHungUpOn) {
  constexpr int kSilent = 500;
  const std::string handshake = zmtp::handshake(GetParam().socket_type);
  std::vector<ZmtpPeer> silent;
  long most = 0;  // the first may be hung up on before the last has come
  const auto look = [&] { return most = std::max(most, test::open_descriptors(broker_->pid())); };
  for (int i = 0; i < kSilent; ++i) {
    silent.emplace_back(port(GetParam().which));
    silent.back().send(handshake.substr(0, static_cast<std::size_t>(i) % 12));
    if (i % 50 == 0) look();
  }
  EXPECT_TRUE(eventually("hundreds were accepted", [&] { return look() >= descriptors_before_ + kSilent / 2; }));
  EXPECT_TRUE(eventually("they are hung up on while they still hold on",
                         [&] { return test::open_descriptors(broker_->pid()) <= descriptors_before_ + 4; }));
  for (auto& peer : silent)
    peer.reset();
  expect_unharmed();
}

INSTANTIATE_TEST_SUITE_P(, HostileConnections,
                         testing::Values(Door{"DataIn", 0, "PUB", "data_rejected_total"},
                                         Door{"DataOut", 1, "SUB", "subscription_events_total"},
                                         Door{"Control", 2, "DEALER", "control_rejected_total"}),
                         [](const auto& door) { return std::string(door.param.name); });

}  // namespace
}  // namespace trainbus
