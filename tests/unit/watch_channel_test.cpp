// What channels are told and where: URLs, answers, notices.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "near_address.hpp"
#include "notice.hpp"
#include "rule_values.hpp"
#include "webhook_answer.hpp"
#include "webhook_url.hpp"

namespace trainbus {
namespace {

using ::testing::HasSubstr;

TEST(WebhookUrl, IsSchemeHostPortAndTarget) {
  const auto plain = parse_webhook_url("http://127.0.0.1:8080/hook?a=b");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "127.0.0.1");
  EXPECT_EQ(plain->port, "8080");
  EXPECT_EQ(plain->target, "/hook?a=b");
  EXPECT_EQ(plain->shown(), "http://127.0.0.1:8080");
  const auto secure = parse_webhook_url("https://hooks.slack.com/services/T/B/SECRET");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->tls);
  EXPECT_EQ(secure->port, "443");
  EXPECT_EQ(secure->shown(), "https://hooks.slack.com");
  EXPECT_EQ(parse_webhook_url("http://[::1]:9/x")->host_name(), "::1");
  EXPECT_EQ(parse_webhook_url("http://host")->target, "/");
  EXPECT_EQ(parse_webhook_url("http://host?x")->target, "/?x");
}

TEST(WebhookUrl, AnythingElseIsNone) {
  for (const char* text :
       {"", "host/x", "ftp://host/x", "http://", "http:///x", "http://host:0/x", "http://host:99999/",
        "http://user:secret@host/x", "http://host/a b", "http://host/#x", "http://host/\r\nX: y"})
    EXPECT_FALSE(parse_webhook_url(text)) << text;
}

TEST(WebhookUrl, OfARedirectionIsWholeOrRelative) {
  const auto from = *parse_webhook_url("https://host:8443/a/b?c=SECRET");
  const auto to = [&](const std::string& location) {
    const auto url = redirected_url(from, location);
    return url ? url->shown() + url->target : "none";
  };
  EXPECT_EQ(to("https://other/x?y=z#part"), "https://other/x?y=z");
  EXPECT_EQ(to("http://other"), "http://other/");
  EXPECT_EQ(to("//other:9/x"), "https://other:9/x");
  EXPECT_EQ(to("/x/"), "https://host:8443/x/");
  EXPECT_EQ(to("x"), "https://host:8443/a/x");
  EXPECT_EQ(to("?q"), "https://host:8443/a/b?q");
  for (const char* none :
       {"", "#x", "ftp://other/", "javascript:alert(1)", "http://me:pw@other/", "/a b", "/a\r\nX: y"})
    EXPECT_EQ(to(none), "none") << none;
}

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;

Attempt::Result result_of(unsigned status) { return attempt_of_answer(status, "", system_clock::now()).result; }

TEST(WebhookUrl, OfThisHostOrItsLinkIsNear) {
  for (const auto* near : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1",
                           "::ffff:127.0.0.1", "::ffff:169.254.0.1"})
    EXPECT_TRUE(is_near(boost::asio::ip::make_address(near))) << near;
  for (const auto* far :
       {"10.0.0.1", "192.168.1.1", "169.253.0.1", "8.8.8.8", "128.0.0.1", "2001:db8::1", "fd00::2", "::ffff:10.0.0.1"})
    EXPECT_FALSE(is_near(boost::asio::ip::make_address(far))) << far;
}

TEST(Webhook, AnAnswerIsDeliveredTriedAgainOrRefused) {
  for (const unsigned status : {200, 202, 204})
    EXPECT_EQ(result_of(status), Attempt::kDelivered) << status;
  for (const unsigned status : {500, 502, 503, 429, 408, 401, 403, 404, 410, 101})
    EXPECT_EQ(result_of(status), Attempt::kFailed) << status;
  for (const unsigned status : {301, 302, 303, 304, 307, 308})
    EXPECT_EQ(result_of(status), Attempt::kFailed) << status << ": who has moved loses no alert";
  for (const unsigned status : {400, 413, 422})
    EXPECT_EQ(result_of(status), Attempt::kRefused) << status;
}

TEST(Webhook, RetryAfterIsSecondsOrADateUpToAnHour) {
  const auto now = system_clock::from_time_t(784'111'717);  // Sun, 06 Nov 1994 08:48:37 GMT
  const auto after = [&](const char* text) { return parse_retry_after(text, now); };
  EXPECT_EQ(after("30"), seconds(30));
  EXPECT_EQ(after(" 120 "), seconds(120));
  EXPECT_EQ(after("3601"), std::chrono::hours(1));
  EXPECT_EQ(after("99999999999999999999"), std::chrono::hours(1));
  EXPECT_EQ(after("000000000000000030"), seconds(30));
  EXPECT_EQ(after("Sun, 06 Nov 1994 08:49:37 GMT"), seconds(60));
  EXPECT_EQ(after("Sunday, 06-Nov-94 08:49:37 GMT"), seconds(60));
  EXPECT_EQ(after("Sun Nov  6 08:49:37 1994"), seconds(60));
  EXPECT_EQ(after("Sun, 06 Nov 1994 08:47:37 GMT"), seconds(0)) << "over";
  EXPECT_EQ(after("Wed, 21 Oct 2099 07:28:00 GMT"), std::chrono::hours(1));
  for (const char* none : {"", " ", "-1", "1.5", "soon", "30 s", "Sun, 06 Nov 1994 08:49:37 GMT+1"})
    EXPECT_EQ(after(none), milliseconds(0)) << none;
  EXPECT_EQ(attempt_of_answer(503, "30", now).not_before, seconds(30));
}

TEST(Notice, IsJsonThatCannotBreakOutOfSlacksText) {
  Notice notice{.session_id = "r/t", .severity = Severity::kCritical};
  notice.alert.set_rule("finished");
  notice.alert.set_message("<!channel> & \"quoted\"\n\xff");
  notice.alert.set_active(true);
  notice.alert.set_value(std::nan(""));
  const auto json = nlohmann::json::parse(notice_json(notice));
  EXPECT_THAT(json["text"].get<std::string>(),
              HasSubstr("[critical] r/t finished: &lt;!channel&gt; &amp; \"quoted\"?"));
  EXPECT_TRUE(json["value"].is_null());
  EXPECT_EQ(json["trainer"], "t");
}

TEST(RuleValues, AreReadOrRefused) {
  EXPECT_EQ(parse_time("1.5min"), 90'000);
  EXPECT_EQ(parse_time("0"), 0);
  EXPECT_FALSE(parse_time("5"));
  EXPECT_FALSE(parse_time("31d"));
  EXPECT_FALSE(parse_time("nan s"));
  EXPECT_EQ(parse_factor("50%"), 0.5);
  EXPECT_EQ(parse_factor("3 x"), 3);
  EXPECT_FALSE(parse_factor("3"));
  EXPECT_FALSE(parse_factor("0x"));
  EXPECT_EQ(parse_count("1 batch", "batches", 10), 1);
  EXPECT_EQ(parse_count("2 epochs", "epochs", 10), 2);
  EXPECT_FALSE(parse_count("11 epochs", "epochs", 10));
  EXPECT_FALSE(parse_count("1.5 epochs", "epochs", 10));
  EXPECT_EQ(parse_action("set-batch-size 64")->value, 64);
  EXPECT_FALSE(parse_action("pause 3"));
  EXPECT_FALSE(parse_action("set-lr"));
  EXPECT_FALSE(parse_action("set-lr 0x"));
}

}  // namespace
}  // namespace trainbus
