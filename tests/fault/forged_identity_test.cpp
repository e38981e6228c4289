// Peers of the control port that say as their own identity the numbers that libzmq gives others: it ends the program
// when it comes to a number that is taken.

#include <arpa/inet.h>

#include <cstdlib>
#include <deque>

#include "tests/support/curve_peer.hpp"
#include "tests/support/key_site.hpp"
#include "tests/support/siege.hpp"

namespace trainbus {
namespace {

using test::CurvePeer;
using test::ZmtpPeer;

constexpr int kControl = 2;
constexpr int kNewcomers = 48;

// The numbers that come next where rand() is as every program has it; how many sockets asked it before is not known.
std::vector<std::string> likely_identities() {
  std::vector<std::string> identities;
  std::srand(1);
  for (int socket = 0; socket < 3; ++socket) {
    const auto low = static_cast<std::uint32_t>(std::rand());
    const auto first = low | static_cast<std::uint32_t>(std::rand()) << 31;
    for (std::uint32_t next = 0; next < 80; ++next) {
      const std::uint32_t number = htonl(first + next);
      identities.push_back(std::string(1, '\0') + std::string(reinterpret_cast<const char*>(&number), sizeof number));
    }
  }
  return identities;
}

class ForgedIdentity : public test::Siege {
 protected:
  using Siege::Siege;

  // Those who come now get numbers.
  void expect_room_for_others() {
    for (int i = 0; i < kNewcomers; ++i)
      EXPECT_TRUE(test::PlainPeer(endpoints_, process_key()).fetch().broker_incarnation() != 0) << i;
    EXPECT_FALSE(broker_->wait(std::chrono::milliseconds(0))) << broker_->output();
  }
};

TEST_F(ForgedIdentity, OfPeersWithoutAKeyEndsNoBroker) {
  std::deque<ZmtpPeer> forgers;
  int taken = 0;
  for (const auto& identity : likely_identities())
    taken += forgers.emplace_back(port(kControl)).shake_hands("DEALER", identity) ? 1 : 0;
  EXPECT_GT(taken, 0);
  expect_room_for_others();
  forgers.clear();
  expect_unharmed();
}

class Keyed {
 protected:
  Keyed() { use_key(site_.own()); }
  ~Keyed() { use_key(""); }

  test::KeySite site_;
};

class ForgedIdentityOfAKey : private Keyed, public ForgedIdentity {
 protected:
  ForgedIdentityOfAKey() : ForgedIdentity({"--keys", site_.folder()}) {}

  KeyFile viewer() { return read_secret_key(site_.add("bob", "viewer")); }
};

TEST_F(ForgedIdentityOfAKey, EndsNoBroker) {
  const auto key = viewer();
  std::deque<CurvePeer> forgers;
  int taken = 0;
  for (const auto& identity : likely_identities())
    taken += forgers.emplace_back(port(kControl), key, "DEALER", identity).shake_hands() ? 1 : 0;
  EXPECT_GT(taken, 0);
  expect_room_for_others();
  forgers.clear();
  expect_unharmed();
}

}  // namespace
}  // namespace trainbus
