// What channels are told and where: URLs, answers, notices.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "notice.hpp"
#include "rule_values.hpp"
#include "webhook_channel.hpp"
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

TEST(Webhook, AnAnswerIsDeliveredTriedAgainOrRefused) {
  for (const unsigned status : {200, 202, 204})
    EXPECT_EQ(attempt_of_answer(status, "").result, Attempt::kDelivered) << status;
  for (const unsigned status : {500, 502, 503, 429, 408, 401, 403, 404, 410, 101})
    EXPECT_EQ(attempt_of_answer(status, "").result, Attempt::kFailed) << status;
  for (const unsigned status : {400, 413, 422, 301, 302})
    EXPECT_EQ(attempt_of_answer(status, "").result, Attempt::kRefused) << status;
  EXPECT_EQ(attempt_of_answer(429, "30").not_before, std::chrono::seconds(30));
  EXPECT_EQ(attempt_of_answer(429, "999999").not_before, std::chrono::minutes(5));
  EXPECT_EQ(attempt_of_answer(429, "-1").not_before.count(), 0);
  EXPECT_EQ(attempt_of_answer(429, "Wed, 21 Oct 2026 07:28:00 GMT").not_before.count(), 0);
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
