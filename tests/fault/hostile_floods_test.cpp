// Hostile by their number: subscriptions by the hundred thousand, answers that nobody reads, names nobody knew.

#include "tests/support/siege.hpp"
#include "tests/support/zmtp_peer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::ZmtpPeer;
namespace zmtp = test::zmtp;

class HostileFloods : public test::Siege {
 protected:
  // A real SUB socket, with a bit of patience for what it sends.
  zmq::socket_t subscriber() {
    zmq::socket_t socket(context_, zmq::socket_type::sub);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.connect(endpoints_.data_out());
    return socket;
  }
  void wait_for_subscriptions(std::uint64_t count) {
    EXPECT_TRUE(eventually(
        "the broker saw them all", [&] { return counters()["subscription_events_total"] >= count; }, 30s));
  }

  zmq::context_t context_;
};

TEST_F(HostileFloods, SubscriptionsByTheHundredThousandAreTakenAndForgotten) {
  constexpr int kTopics = 100'000, kSubscribers = 4;
  const auto before = counters()["subscription_events_total"];
  std::vector<zmq::socket_t> subscribers;
  for (int i = 0; i < kSubscribers; ++i)
    subscribers.push_back(subscriber());
  for (int i = 0; i < kTopics; ++i) {
    const auto name = std::to_string(i);
    subscribers[0].set(zmq::sockopt::subscribe, "batch/hostile/h" + name + '/');
    if (i % 4 == 0) subscribers[1].set(zmq::sockopt::subscribe, "tiles/hostile/h" + name + '/');
    if (i % 4 == 1) subscribers[2].set(zmq::sockopt::subscribe, "fence/" + name + '/');
    if (i % 4 == 2) subscribers[3].set(zmq::sockopt::subscribe, hostile_.topic());
  }
  wait_for_subscriptions(before + kTopics * 3 / 2);
  subscribers.clear();
  expect_unharmed();
}

TEST_F(HostileFloods, SubscriptionsByHandAreTakenWhateverTheySay) {
  constexpr int kInputs = 10'000;
  ZmtpPeer peer(port(1));
  ASSERT_TRUE(peer.shake_hands("SUB"));
  for (int i = 0; i < kInputs && !HasFailure(); ++i) {
    const std::string topic = hostile_.one_in(3) ? hostile_.bytes(hostile_.below(1000)) : hostile_.topic();
    const char first = hostile_.one_in(2) ? '\0' : hostile_.one_in(4) ? static_cast<char>(hostile_.below(256)) : '\1';
    std::vector<std::string> frames(hostile_.one_in(4) ? 1 + hostile_.below(6) : 1, first + topic);
    ASSERT_TRUE(peer.send(zmtp::message(frames)));
  }
  ASSERT_TRUE(peer.send(zmtp::message(std::vector<std::string>{"\1fence/last/"})));
  EXPECT_TRUE(eventually("the broker saw them all",
                         [&] { return !peer.drain() || counters()["subscription_events_total"] > kInputs / 10; }));
  peer.reset();
  expect_unharmed();
}

}  // namespace
}  // namespace trainbus
