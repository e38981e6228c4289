// A webhook that has moved: real servers that send the notice on.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <memory>

#include "near_address.hpp"
#include "support/hook_server.hpp"
#include "webhook_channel.hpp"

namespace trainbus {
namespace {

using test::HookServer;
using testing::HasSubstr;
using testing::Not;

Attempt deliver(const HookServer& server) {
  const auto channel = make_webhook_channel({.name = "c", .webhook = server.url("/services/SECRET?key=SECRET")});
  std::atomic<bool> stop{false};
  Notice notice{.session_id = "r/t0", .severity = Severity::kWarning};
  notice.alert.set_rule("dead");
  return channel->deliver(notice, stop);
}

TEST(WebhookRedirect, IsFollowedWithTheSamePost) {
  for (const int status : {301, 302, 307, 308}) {
    HookServer old_place(status), new_place;
    old_place.headers({{"Location", new_place.url("/new")}});
    const auto attempt = deliver(old_place);
    EXPECT_EQ(attempt.result, Attempt::kDelivered) << status << ' ' << attempt.detail;
    EXPECT_EQ(attempt.redirections, 1);
    EXPECT_THAT(attempt.detail, HasSubstr("redirected to " + new_place.url("")));
    ASSERT_EQ(new_place.taken().size(), 1U);
    EXPECT_EQ(new_place.taken()[0]["rule"], "dead");
    EXPECT_EQ(new_place.last_request().target(), "/new");
  }
}

TEST(WebhookRedirect, SendsNothingOfTheUrlToTheNewPlace) {
  HookServer old_place(307), new_place;
  old_place.headers({{"Location", new_place.url("/new")}});
  EXPECT_EQ(deliver(old_place).result, Attempt::kDelivered);
  std::ostringstream all;
  all << new_place.last_request();
  EXPECT_THAT(all.str(), Not(HasSubstr("SECRET")));
}

TEST(WebhookRedirect, ThatCannotBeFollowedIsTriedAgainAndNeverDelivered) {
  HookServer server(302);
  EXPECT_EQ(deliver(server).result, Attempt::kFailed);
  EXPECT_THAT(deliver(server).detail, HasSubstr("Location is no address"));
  server.headers({{"Location", "ftp://elsewhere/"}});
  EXPECT_THAT(deliver(server).detail, HasSubstr("Location is no address"));

  server.headers({{"Location", "/round"}});
  const auto before = server.requests();
  const auto loop = deliver(server);
  EXPECT_EQ(loop.result, Attempt::kFailed);
  EXPECT_THAT(loop.detail, HasSubstr("too many redirections"));
  EXPECT_EQ(server.requests() - before, 1U + kMostRedirections);

  HookServer see_other(303), elsewhere;
  see_other.headers({{"Location", elsewhere.url("/x")}});
  EXPECT_EQ(deliver(see_other).result, Attempt::kFailed);
  EXPECT_EQ(elsewhere.requests(), 0U);
}

// An address of this host by which others reach it; "" where it has none.
std::string outer_address() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(all, freeifaddrs);
  for (const auto* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET || (one->ifa_flags & IFF_UP) == 0) continue;
    const auto number = ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr);
    if (const boost::asio::ip::address_v4 address(number); !is_near(address)) return address.to_string();
  }
  return {};
}

// A stranger's server that sends the watcher to what only this host may ask.
TEST(WebhookRedirect, FromElsewhereToThisHostIsNotFollowed) {
  const auto outer = outer_address();
  if (outer.empty()) GTEST_SKIP() << "this host has a loopback only";
  HookServer elsewhere(307, "", outer), here;
  elsewhere.headers({{"Location", here.url("/admin")}});
  const auto attempt = deliver(elsewhere);
  EXPECT_EQ(attempt.result, Attempt::kFailed);
  EXPECT_THAT(attempt.detail, HasSubstr("an address of this host or its link"));
  EXPECT_EQ(here.requests(), 0U);
  HookServer further(200, "", outer);
  elsewhere.headers({{"Location", further.url("/new")}});
  EXPECT_EQ(deliver(elsewhere).result, Attempt::kDelivered);
}

TEST(WebhookRedirect, ToAWebPageIsNoDelivery) {
  HookServer server(302), log_in;
  server.headers({{"Location", log_in.url("/login")}});
  log_in.headers({{"Content-Type", "text/html; charset=utf-8"}});
  const auto attempt = deliver(server);
  EXPECT_EQ(attempt.result, Attempt::kFailed);
  EXPECT_THAT(attempt.detail, HasSubstr("a web page"));
}

TEST(WebhookRedirect, HonoursRetryAfterOfTheNewPlace) {
  HookServer server(308), busy(429);
  server.headers({{"Location", busy.url()}});
  busy.headers({{"Retry-After", "120"}});
  const auto attempt = deliver(server);
  EXPECT_EQ(attempt.result, Attempt::kFailed);
  EXPECT_EQ(attempt.not_before, std::chrono::seconds(120));
}

}  // namespace
}  // namespace trainbus
