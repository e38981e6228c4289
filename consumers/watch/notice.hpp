#pragma once
// What a channel is told: an alert, seen by a rule.

#include <string>
#include <utility>
#include <vector>

#include "rule.hpp"

namespace trainbus {

struct Notice {
  std::string session_id;
  Severity severity = Severity::kWarning;
  v1::Alert alert = {};
};

// One line for people: "[critical] mnist/t0 not_finite: the loss is NaN at step 812". "[ended] …" when it is over.
std::string notice_text(const Notice& notice);
// One JSON object: "text" as Slack shows it (with &, < and > escaped), and the fields of README.md.
std::string notice_json(const Notice& notice);
// TRAINBUS_ALERT_RULE, … of README.md.
std::vector<std::pair<std::string, std::string>> notice_environment(const Notice& notice);

// As `trainbus-watch test` sends it.
Notice test_notice(std::int64_t now_ms);

}  // namespace trainbus
