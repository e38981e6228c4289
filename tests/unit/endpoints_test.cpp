// How people write addresses, and which of them others can reach.

#include "trainbus/endpoints.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trainbus/addresses.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Endpoints, AHostIsANameOrAnAddressAndIpv6StandsInBrackets) {
  for (const char* base : {"tcp://head:7760", "tcp://10.0.0.1:7760", "tcp://[::1]:7760", "tcp://[fe80::1%eth0]:7760",
                           "tcp://localhost:7760", "tcp://node-3.cluster.local:7760"})
    EXPECT_EQ(parse_endpoints(base).base(), base);
  EXPECT_EQ(parse_endpoints("tcp://[::1]:7760").host, "::1");
  EXPECT_EQ(parse_endpoints("tcp://[::1]:7760").control(), "tcp://[::1]:7762");
  EXPECT_EQ(parse_endpoints("tcp://[::1]:*").base(), "tcp://[::1]:*");
}

TEST(Endpoints, ABadAddressIsNamedWithWhatIsWrong) {
  const auto refuses = [](const std::string& base, const char* why) {
    EXPECT_THAT([&] { parse_endpoints(base); }, ThrowsMessage<std::invalid_argument>(HasSubstr("'" + base + "'")));
    EXPECT_THAT([&] { parse_endpoints(base); }, ThrowsMessage<std::invalid_argument>(HasSubstr(why)));
  };
  for (const char* base : {"tcp://::1:7760", "tcp://fe80::1:7760", "tcp://[head]:7760", "tcp://[]:7760"})
    refuses(base, "in brackets");
  for (const char* base : {"head:7760", "udp://head:7760", "tcp://head", "tcp://:7760", "", "tcp://[::1]"})
    refuses(base, base == std::string("tcp://[::1]") ? "in brackets" : "must look like");
  for (const char* base : {"tcp://user@head:7760", "tcp://a b:7760", "tcp://head/x:7760", "tcp://[::1]x:7760"})
    refuses(base, base == std::string("tcp://[::1]x:7760") ? "in brackets" : "a name or an address");
  refuses("off", "the bus is switched off");
  refuses("tcp://head:port", "must be a number");
  refuses("tcp://head:65536", "at most 32765");
}

TEST(Endpoints, LoopbackIsWhatOnlyThisMachineReaches) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "127.255.255.254", "::1", "[::1]", "0:0:0:0:0:0:0:1",
                           "::ffff:127.0.0.1", "[::ffff:127.9.9.9]", "localhost", "LocalHost"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "[::]", "10.0.0.1", "128.0.0.1", "127.example.com", "127.0.0.1.example.com",
                           "::ffff:10.0.0.1", "fe80::1", "localhost.example.com", "*", ""})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Endpoints, AnAddressIsItsOwnAndLocalhostIsBothLoopbacks) {
  EXPECT_THAT(addresses_of("10.1.2.3"), ElementsAre("10.1.2.3"));
  EXPECT_THAT(addresses_of("[::1]"), ElementsAre("::1"));
  EXPECT_THAT(addresses_of("localhost"), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(addresses_of("no-such-host.invalid"), ElementsAre());
  EXPECT_EQ(host_and_port("::1", "80"), "[::1]:80");
  EXPECT_EQ(host_and_port("[::1]", "80"), "[::1]:80");
  EXPECT_EQ(host_and_port("head", "80"), "head:80");
}

TEST(Endpoints, WhatOthersCanReachNeedsInsecure) {
  const auto check = [](const char* host) { return [host] { require_loopback("--listen", host, false); }; };
  for (const char* host : {"127.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", "127.1"})  // 127.1 is 127.0.0.1
    EXPECT_NO_THROW(check(host)()) << host;
  for (const char* host : {"::", "0.0.0.0", "*", "::ffff:0.0.0.0", "192.0.2.1", "0"}) {
    EXPECT_THAT(check(host), ThrowsMessage<std::invalid_argument>(HasSubstr("is not a loopback address")));
    EXPECT_NO_THROW(require_loopback("--listen", host, true)) << host;
  }
  EXPECT_THAT(check("no-such-host.invalid"), ThrowsMessage<std::invalid_argument>(HasSubstr("no host is known")));
}

}  // namespace
}  // namespace trainbus
