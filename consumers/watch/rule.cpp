#include "rule.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "condition.hpp"

namespace trainbus {
namespace {

bool matches_any(const std::vector<std::string>& patterns, const std::string& name) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) {
           return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
         });
}

}  // namespace

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::kInfo: return "info";
    case Severity::kWarning: return "warning";
    case Severity::kCritical: return "critical";
  }
  return "";
}

bool Rule::matches(const std::string& session_id) const {
  const auto slash = session_id.find('/');
  return slash != std::string::npos && matches_any(runs, session_id.substr(0, slash)) &&
         matches_any(trainers, session_id.substr(slash + 1));
}

bool Rule::tells(const std::string& channel) const {
  return !to || std::find(to->begin(), to->end(), channel) != to->end();
}

const Rule* RuleSet::rule_of(const std::string& session_id, const std::string& alert_rule) const {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) {
    const auto& facts = facts_of(rule.condition.kind);
    return alert_rule == (facts.raised_elsewhere ? std::string(facts.name) : rule.name) && rule.matches(session_id);
  });
  return found == rules.end() ? nullptr : &*found;
}

RuleSet default_rules() {
  RuleSet set;
  for (const auto kind : {ConditionKind::kDead, ConditionKind::kStalled, ConditionKind::kNotFinite})
    set.rules.push_back({.name = std::string(facts_of(kind).name), .condition = default_condition(kind)});
  return set;
}

}  // namespace trainbus
