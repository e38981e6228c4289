// A peer that floods a socket which nobody reads, and is reset: libzmq 4.3.4 aborts the process at the next ping of
// such a socket, unless it does not ping or its queue is never full.

#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <thread>

#include "broker/bound_sockets.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fault_proxy.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestPing = 5000ms;

TEST(FullInput, OfTheBrokersSocketsSurvivesTheResetOfAPeer) {
  zmq::context_t context;
  auto sockets = bind_sockets(context, parse_endpoints("tcp://127.0.0.1:*"));
  sockets.xsub.send(zmq::const_buffer("\x01", 1), zmq::send_flags::none);
  test::FaultProxy proxy(sockets.endpoints);
  const auto through = parse_endpoints(proxy.address());

  auto peers = std::make_unique<zmq::context_t>();
  {
    zmq::socket_t pub(*peers, zmq::socket_type::xpub), sub(*peers, zmq::socket_type::sub),
        dealer(*peers, zmq::socket_type::dealer);
    for (auto* socket : {&pub, &sub, &dealer}) {
      socket->set(zmq::sockopt::linger, 0);
      socket->set(zmq::sockopt::sndhwm, 0);
    }
    pub.connect(through.data_in());
    sub.connect(through.data_out());
    dealer.connect(through.control());
    zmq::message_t subscribed;
    ASSERT_TRUE(test::eventually("the subscription of the broker's socket", [&] {
      static_cast<void>(sockets.xsub.get(zmq::sockopt::events));  // it is sent while somebody looks
      return pub.recv(subscribed, zmq::recv_flags::dontwait).has_value();
    }));
    const std::string body(1000, 'x');
    for (int i = 0; i < 20'000; ++i) {
      pub.send(zmq::buffer(body), zmq::send_flags::none);
      dealer.send(zmq::buffer(body), zmq::send_flags::none);
      sub.set(zmq::sockopt::subscribe, "topic " + std::to_string(i));
    }
    std::uint64_t seen = 0;
    ASSERT_TRUE(test::eventually(
        "nothing more gets through",
        [&] { return std::exchange(seen, proxy.bytes_through()) == proxy.bytes_through() && seen > 1'000'000; }, 10s,
        300ms));
    proxy.reset_all();
  }
  peers.reset();
  std::this_thread::sleep_for(kLongestPing + 500ms);
  zmq::message_t first;
  EXPECT_TRUE(sockets.xsub.recv(first, zmq::recv_flags::dontwait));
  EXPECT_TRUE(sockets.router.recv(first, zmq::recv_flags::dontwait));
}

}  // namespace
}  // namespace trainbus
