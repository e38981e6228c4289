// Newcomers that wait in front of a port, by real connections.

#include "broker/accept_gate.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/eventually.hpp"
#include "trainbus/service_type.hpp"

namespace trainbus {
namespace {

using test::eventually;

class AcceptGateTest : public ::testing::TestWithParam<int> {
 protected:
  AcceptGateTest() {
    const bool v6 = GetParam() == AF_INET6;
    listener_ = socket(GetParam(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address_.ss_family = static_cast<sa_family_t>(GetParam());
    size_ = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    if (v6)
      reinterpret_cast<sockaddr_in6&>(address_).sin6_addr = in6addr_loopback;
    else
      reinterpret_cast<sockaddr_in&>(address_).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there_ = bind(listener_, reinterpret_cast<sockaddr*>(&address_), size_) == 0 && listen(listener_, 16) == 0 &&
             getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size_) == 0;
  }
  ~AcceptGateTest() override {
    for (const int fd : {listener_, accepted_, trainer_, tool_})
      if (fd >= 0) close(fd);
  }
  int port() const {
    return ntohs(GetParam() == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address_).sin6_port
                                        : reinterpret_cast<const sockaddr_in&>(address_).sin_port);
  }
  int connect_marked(int service_type) const {
    const int fd = socket(GetParam(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (GetParam() == AF_INET6)
      setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &service_type, sizeof service_type);
    else
      setsockopt(fd, IPPROTO_IP, IP_TOS, &service_type, sizeof service_type);
    connect(fd, reinterpret_cast<const sockaddr*>(&address_), size_);
    return fd;
  }
  // The port of the peer of the next connection.
  int accept_one() {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (accepted_ >= 0) close(accepted_);
    accepted_ = -1;
    eventually("a connection is accepted", [&] {
      accepted_ = accept(listener_, reinterpret_cast<sockaddr*>(&peer), &size);
      return accepted_ >= 0;
    });
    return port_of(peer);
  }
  static int local_port(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return port_of(address);
  }
  static int port_of(const sockaddr_storage& address) {
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                               : reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }

  bool there_ = false;
  sockaddr_storage address_{};
  socklen_t size_ = 0;
  int listener_ = -1, accepted_ = -1, trainer_ = -1, tool_ = -1;
};

TEST_P(AcceptGateTest, WhoComesWhileItIsShutWaitsAndComesInOnceItIsOpen) {
  if (!there_) GTEST_SKIP() << "no such addresses here";
  AcceptGate gate(port());
  gate.set(Gate::kShut);
  trainer_ = connect_marked(0);
  EXPECT_TRUE(eventually("its try is counted", [&] { return gate.turned_away() > 0; }));
  EXPECT_EQ(accept(listener_, nullptr, nullptr), -1) << "the kernel counted it as dropped";
  gate.set(Gate::kOpen);
  EXPECT_EQ(accept_one(), local_port(trainer_)) << "its kernel tries again";
}

TEST_P(AcceptGateTest, AToolComesInWhereATrainerWaits) {
  if (!there_) GTEST_SKIP() << "no such addresses here";
  AcceptGate gate(port());
  gate.set(Gate::kToolsOnly);
  trainer_ = connect_marked(0);
  EXPECT_TRUE(eventually("the trainer's try is counted", [&] { return gate.turned_away() > 0; }));
  tool_ = connect_marked(kToolServiceType);
  EXPECT_EQ(accept_one(), local_port(tool_));
  gate.set(Gate::kOpen);
  EXPECT_EQ(accept_one(), local_port(trainer_));
}

TEST_P(AcceptGateTest, WhoIsConnectedIsNotConcerned) {
  if (!there_) GTEST_SKIP() << "no such addresses here";
  AcceptGate gate(port());
  trainer_ = connect_marked(0);
  accept_one();
  gate.set(Gate::kShut);
  ASSERT_TRUE(eventually("it is sent", [&] { return send(trainer_, "hello", 5, MSG_NOSIGNAL) == 5; }));
  char text[8] = {};
  EXPECT_TRUE(eventually("it arrives", [&] { return recv(accepted_, text, sizeof text, MSG_DONTWAIT) == 5; }));
}

INSTANTIATE_TEST_SUITE_P(Addresses, AcceptGateTest, ::testing::Values(AF_INET, AF_INET6));

}  // namespace
}  // namespace trainbus
