// Every form of an address that people write, by the real programs: who listens there is reached there.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/addresses.hpp"

namespace trainbus {
namespace {

using test::Process;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

bool has_ipv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 here{};
  here.sin6_family = AF_INET6;
  here.sin6_addr = in6addr_loopback;
  const bool bound = fd >= 0 && bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0;
  if (fd >= 0) close(fd);
  return bound;
}

std::string own_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

class ListenTest : public ::testing::Test {
 protected:
  std::string listening(Process& broker) { return broker.wait_for("listening on ").value_or("nowhere"); }
  std::vector<std::string> arguments(std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--state-dir", dir_ / "state"});
    return flags;
  }
  // What ctl says at this address.
  std::string list(const std::string& broker) {
    Process ctl("trainbus-ctl", {"--broker", broker, "list"});
    return ctl.wait(20s) == 0 ? "listed" : ctl.output();
  }
  static std::string at(const std::string& host, const std::string& address) {
    return "tcp://" + host_and_port(host, address.substr(address.rfind(':') + 1));
  }

  test::TempDir dir_;
};

TEST_F(ListenTest, LocalhostIsReachedByEachOfItsAddresses) {
  Process broker("trainbus-broker", arguments({"--listen", "tcp://localhost:*"}));
  const auto address = listening(broker);
  EXPECT_EQ(list(at("localhost", address)), "listed");
  EXPECT_EQ(list(at("127.0.0.1", address)), "listed");
  if (has_ipv6()) {
    EXPECT_EQ(list(at("::1", address)), "listed");
  }
}

TEST_F(ListenTest, AnIpv6AddressIsReachedByTrainersConsumersAndTools) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  Process broker("trainbus-broker", arguments({"--listen", "tcp://[::1]:*"}));
  const auto address = listening(broker);
  ASSERT_THAT(address, HasSubstr("[::1]"));
  Process load("trainbus-loadgen", {"--broker", address, "--seconds", "1", "--run", "v6", "--batch-rate", "20"});
  EXPECT_EQ(load.wait(30s), 0) << load.output();
  Process tail("trainbus-ctl", {"--broker", address, "tail", "--once", "--kind", "batch"});
  EXPECT_EQ(tail.wait(20s), 0);
  EXPECT_THAT(tail.output(), HasSubstr("v6/"));
}

TEST_F(ListenTest, EveryAddressOfTheMachineNeedsInsecureInEitherFamily) {
  Process refused("trainbus-broker", arguments({"--listen", "tcp://[::]:*"}));
  EXPECT_EQ(refused.wait(20s), 1);
  EXPECT_THAT(refused.output(), HasSubstr("'::' is not a loopback address"));
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  Process broker("trainbus-broker", arguments({"--listen", "tcp://[::]:*", "--insecure"}));
  const auto address = listening(broker);
  EXPECT_EQ(list(at("::1", address)), "listed");
  EXPECT_EQ(list(at("127.0.0.1", address)), "listed");
}

TEST_F(ListenTest, TheMachinesNameIsReachedByThatName) {
  const auto addresses = addresses_of(own_name());
  if (addresses.empty()) GTEST_SKIP() << "'" << own_name() << "' is known to no resolver here";
  Process broker("trainbus-broker", arguments({"--listen", "tcp://" + own_name() + ":*", "--insecure"}));
  const auto address = listening(broker);
  EXPECT_EQ(list(address), "listed");
  EXPECT_EQ(list(at(addresses.front(), address)), "listed");
}

TEST_F(ListenTest, ANameThatNobodyHasIsNamed) {
  for (const auto* insecure : {"--insecure", "--io-threads=1"}) {
    Process broker("trainbus-broker", arguments({"--listen", "tcp://no-such-host.invalid:7760", insecure}));
    EXPECT_EQ(broker.wait(30s), 1);
    EXPECT_THAT(broker.output(), HasSubstr("no-such-host.invalid"));
    EXPECT_THAT(broker.output(), HasSubstr("no host is known by that name"));
  }
}

TEST_F(ListenTest, TheDashboardListensOnEachForm) {
  for (const std::string host : {"[::1]", "localhost", "127.0.0.2"}) {
    if (host == "[::1]" && !has_ipv6()) continue;
    Process dashboard("trainbus-dashboard", {"--listen", host + ":0", "--no-login", "--broker", "tcp://127.0.0.1:9"});
    const auto url = dashboard.wait_for("open ");
    ASSERT_TRUE(url) << dashboard.output();
    EXPECT_THAT(*url, HasSubstr("http://" + host + ':'));
    Process curl("/usr/bin/curl", {"-sS", "--noproxy", "*", *url + "healthz"});
    EXPECT_EQ(curl.wait(20s), 0) << curl.output();
    EXPECT_THAT(curl.output(), HasSubstr("broker_connected"));
  }
  Process refused("trainbus-dashboard", {"--listen", "[::]:0"});
  EXPECT_EQ(refused.wait(20s), 1);
  EXPECT_THAT(refused.output(), HasSubstr("is not a loopback address"));
  Process nonsense("trainbus-dashboard", {"--listen", "::1:8080"});
  EXPECT_EQ(nonsense.wait(20s), 1);
  EXPECT_THAT(nonsense.output(), HasSubstr("must look like HOST:PORT"));
}

}  // namespace
}  // namespace trainbus
