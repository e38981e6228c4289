#include "notice.hpp"

#include <nlohmann/json.hpp>

#include "text_forms.hpp"
#include "trainbus/topic.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

std::string escaped_for_slack(const std::string& text) {
  std::string escaped;
  for (const char c : text)
    escaped += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return escaped;
}

SessionName name_of(const Notice& notice) { return parse_session_id(notice.session_id).value_or(SessionName{}); }

}  // namespace

std::string notice_text(const Notice& notice) {
  return '[' + std::string(notice.alert.active() ? severity_name(notice.severity) : "ended") + "] " +
         notice.session_id + ' ' + printable(notice.alert.rule()) + ": " + printable(notice.alert.message());
}

std::string notice_json(const Notice& notice) {
  const auto& alert = notice.alert;
  const auto session = name_of(notice);
  const nlohmann::ordered_json json{{"text", escaped_for_slack(notice_text(notice))},
                                    {"rule", alert.rule()},
                                    {"severity", severity_name(notice.severity)},
                                    {"active", alert.active()},
                                    {"session", notice.session_id},
                                    {"run", session.run},
                                    {"trainer", session.trainer},
                                    {"message", alert.message()},
                                    {"alert_id", alert.alert_id()},
                                    {"incarnation", std::to_string(alert.trainer_incarnation())},
                                    {"value", alert.value()},
                                    {"timestamp_ms", alert.timestamp_ms()}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::pair<std::string, std::string>> notice_environment(const Notice& notice) {
  const auto& alert = notice.alert;
  const auto session = name_of(notice);
  return {{"TRAINBUS_ALERT_RULE", alert.rule()},
          {"TRAINBUS_ALERT_SESSION", notice.session_id},
          {"TRAINBUS_ALERT_RUN", session.run},
          {"TRAINBUS_ALERT_TRAINER", session.trainer},
          {"TRAINBUS_ALERT_MESSAGE", printable(alert.message())},
          {"TRAINBUS_ALERT_SEVERITY", severity_name(notice.severity)},
          {"TRAINBUS_ALERT_ACTIVE", alert.active() ? "true" : "false"},
          {"TRAINBUS_ALERT_ID", alert.alert_id()},
          {"TRAINBUS_ALERT_TIMESTAMP_MS", std::to_string(alert.timestamp_ms())}};
}

Notice test_notice(std::int64_t now_ms) {
  Notice notice{.session_id = "test/test", .severity = Severity::kInfo};
  notice.alert.set_alert_id("test-" + new_command_id());
  notice.alert.set_rule("test");
  notice.alert.set_message("this is only a test of trainbus-watch");
  notice.alert.set_active(true);
  notice.alert.set_timestamp_ms(now_ms);
  return notice;
}

}  // namespace trainbus
