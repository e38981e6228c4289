#include "consumers/dashboard/server/request_guard.hpp"

#include <gtest/gtest.h>

namespace trainbus {
namespace {

using std::chrono::milliseconds;

TEST(HostNames, AnswersToLoopbackNamesAtAnyPort) {
  const HostNames names("127.0.0.1", {});
  for (const auto* host : {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "127.1.2.3:80", "[::1]:8080"})
    EXPECT_TRUE(names.answers_to(host)) << host;
}

TEST(HostNames, RefusesEverybodyElse) {
  const HostNames names("127.0.0.1", {});
  for (const auto* host : {"", "evil.example", "evil.example:8080", "127.evil.example", "localhost.evil.example",
                           "localhost:80@evil", "[::1", "10.0.0.5", "localhost:x", "127.0.0.1.evil.example:80"})
    EXPECT_FALSE(names.answers_to(host)) << host;
}

TEST(HostNames, OnAnOpenAddressTakesAddressesAndAllowedNamesOnly) {
  const HostNames names("0.0.0.0", {"Head.Cluster"});
  EXPECT_TRUE(names.answers_to("10.0.0.5:8080"));
  EXPECT_TRUE(names.answers_to("head.cluster"));
  EXPECT_FALSE(names.answers_to("evil.example"));
}

TEST(Origin, MustBeThePagesOwnWhenThereIsOne) {
  EXPECT_TRUE(origin_matches("", "localhost:8080"));
  EXPECT_TRUE(origin_matches("http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(origin_matches("https://Localhost:8080", "localhost:8080"));
  EXPECT_FALSE(origin_matches("http://localhost:9090", "localhost:8080"));
  EXPECT_FALSE(origin_matches("http://evil.example", "localhost:8080"));
  for (const auto* almost : {"http://localhost:8080.evil.example", "http://evil.example/localhost:8080",
                             "http://localhost:8080@evil.example", "http://evil.example#localhost:8080",
                             "http://xlocalhost:8080", "http://localhost:80800", "http://localhost",
                             "http://http://localhost:8080", " http://localhost:8080", "http://localhost:8080/"})
    EXPECT_FALSE(origin_matches(almost, "localhost:8080")) << almost;
  EXPECT_FALSE(origin_matches("null", "null"));
  EXPECT_FALSE(origin_matches("file://localhost:8080", "localhost:8080"));
}

TEST(ContentType, IsJsonOnlyWhenItSaysSo) {
  EXPECT_TRUE(is_json_content("application/json"));
  EXPECT_TRUE(is_json_content("Application/JSON ; charset=utf-8"));
  EXPECT_FALSE(is_json_content(""));
  EXPECT_FALSE(is_json_content("text/plain"));
  EXPECT_FALSE(is_json_content("application/json-patch+json"));
  EXPECT_FALSE(is_json_content("application/x-www-form-urlencoded; application/json"));
}

TEST(RateLimit, LetsABurstThroughThenTheRate) {
  RateLimit limit(10, 20);
  RateLimit::Clock::time_point now{};
  for (int ask = 0; ask < 20; ++ask)
    EXPECT_TRUE(limit.allow("a", now));
  EXPECT_FALSE(limit.allow("a", now));
  EXPECT_TRUE(limit.allow("b", now));
  now += milliseconds(101);
  EXPECT_TRUE(limit.allow("a", now));
  EXPECT_FALSE(limit.allow("a", now));
  EXPECT_EQ(limit.retry_after_sec(), 1);
}

TEST(RateLimit, ForgetsTheFullestBucketWhenThereAreTooMany) {
  RateLimit limit(1, 2);
  const RateLimit::Clock::time_point now{};
  limit.allow("busy", now);
  limit.allow("busy", now);
  for (std::size_t client = 0; client < 2 * RateLimit::kMaxClients; ++client)
    limit.allow(std::to_string(client), now);
  EXPECT_FALSE(limit.allow("busy", now));  // a flood of addresses does not buy it a new burst
}

}  // namespace
}  // namespace trainbus
