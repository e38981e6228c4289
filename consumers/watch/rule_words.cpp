#include "rule_words.hpp"

#include "condition.hpp"
#include "text_forms.hpp"
#include "webhook_url.hpp"

namespace trainbus {
namespace {

std::string time_text(std::int64_t ms) { return duration_text(static_cast<double>(ms) / 1000); }

std::string list_text(const std::vector<std::string>& names, const char* before_last) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? before_last : ", ") + names[i];
  return text;
}

std::string channel_words(const ChannelSpec& channel) {
  std::string words = "channel " + channel.name + ": ";
  if (channel.exec.empty()) {
    words += "POST to " + parse_webhook_url(channel.webhook)->shown() + "/...";
    if (!channel.ca_file.empty()) words += ", trusting " + channel.ca_file;
  } else {
    const auto arguments = channel.exec.size() - 1;  // not shown: they may hold a secret
    words += "run " + channel.exec.front();
    if (arguments > 0) words += " with " + std::to_string(arguments) + (arguments == 1 ? " argument" : " arguments");
  }
  words += ", within " + time_text(channel.timeout.count());
  return words + (channel.ended ? "" : ", not when a condition ends");
}

std::string limits(const Condition& condition, const std::string& of_what) {
  std::string words = figure_text(condition.limit) + " x " + of_what;
  return condition.until == condition.limit ? words : words + ", until " + figure_text(condition.until) + " x";
}

std::string plateau_words(const Condition& condition) {
  const std::string what = condition.of.empty() || condition.of == "loss" ? "loss" : condition.of;
  const std::string by = figure_text(100 * condition.improvement) + " %";
  const std::string over = std::to_string(condition.over);
  const char* better = condition.higher_is_better ? "higher" : "lower";
  if (condition.over_batches)
    return "the mean " + what + " of " + over + " batches is not " + better + " than the best one before by " + by;
  return "the " + what + " was not " + better + " by " + by + " for " + over +
         (condition.over_values ? " values" : " epochs");
}

std::string condition_words(const Condition& condition) {
  const std::string over = std::to_string(condition.over);
  const std::string& of = condition.of;
  switch (condition.kind) {
    case ConditionKind::kDead: return "three heartbeats are missed";
    case ConditionKind::kStalled: return "heartbeats arrive and no step";
    case ConditionKind::kNotFinite: return (of.empty() ? "a value" : of) + " is NaN or infinite";
    case ConditionKind::kLossSpike:
      return (of.empty() ? "a loss" : of) + " is above " + limits(condition, "the median of the " + over + " before");
    case ConditionKind::kPlateau: return plateau_words(condition);
    case ConditionKind::kAccuracyCollapse:
      return "the mean " + (of.empty() ? "accuracy of " + over + " batches" : of + " of " + over + " values") +
             " is below " + limits(condition, "the best one before");
    case ConditionKind::kThroughputDrop:
      return "batches a second are below " + limits(condition, "the median of the " + over + " perf records before");
    case ConditionKind::kMemoryGradient:
      return std::string(condition.of_gpu ? "GPU memory" : "memory") + " grows by more than " +
             figure_text(condition.limit) + " MB a minute, measured over " + time_text(condition.over_ms);
    case ConditionKind::kThreshold:
      return of + " is " + (condition.below ? "below " : "above ") + figure_text(condition.limit) +
             (condition.until == condition.limit ? "" : ", until " + figure_text(condition.until));
    case ConditionKind::kConverged: return "an epoch says that it has converged";
    case ConditionKind::kFinished:
      return condition.status == v1::FAILED      ? "the training says that it failed"
             : condition.status == v1::COMPLETED ? "the training says that it is completed"
             : condition.status == v1::STOPPED   ? "the training says that it was stopped"
                                                 : "the training says that it has ended";
    case ConditionKind::kSinkFailing: return "trainbus-log says that a sink is failing";
    case ConditionKind::kJournalFailing: return "the broker says that its journal is failing";
    case ConditionKind::kStateFolder: return "the broker says that its state folder is gone";
    case ConditionKind::kJournalDamaged: return "the broker says that records of its journal are gone";
    case ConditionKind::kLimit: return "a program of the bus says that a bound is met";
    case ConditionKind::kDuplicateName: return "two trainers of one name are alive";
  }
  return "";
}

std::string whose(const Rule& rule) {
  if (facts_of(rule.condition.kind).raised_elsewhere && rule.runs.empty() && rule.trainers.empty()) return "";
  const std::string trainers = rule.trainers.empty() ? "any trainer" : "trainer " + list_text(rule.trainers, " or ");
  return " of " + trainers + (rule.runs.empty() ? "" : " of run " + list_text(rule.runs, " or "));
}

std::string told(const Rule& rule, const RuleSet& set) {
  std::vector<std::string> names;
  for (const auto& channel : set.channels)
    if (rule.tells(channel.name)) names.push_back(channel.name);
  return names.empty() ? "" : " and tell " + list_text(names, " and ");
}

std::string rule_words(const Rule& rule, const RuleSet& set) {
  const bool elsewhere = facts_of(rule.condition.kind).raised_elsewhere;
  std::string words = "rule " + rule.name + whose(rule) + ": when " + condition_words(rule.condition);
  if (rule.for_ms > 0) words += " for " + time_text(rule.for_ms);
  words += elsewhere ? ", take its alert (" : ", raise an alert (";
  words += std::string(severity_name(rule.severity)) + ')' + told(rule, set);
  if (rule.action) words += ", and " + rule.action->text + " (with --act)";
  if (rule.clear_after_ms > 0) words += "; over once it is gone for " + time_text(rule.clear_after_ms);
  if (rule.quiet_ms > 0) words += "; then quiet for " + time_text(rule.quiet_ms);
  return words;
}

}  // namespace

std::vector<std::string> in_words(const RuleSet& set) {
  std::vector<std::string> lines;
  for (const auto& channel : set.channels)
    lines.push_back(printable(channel_words(channel)));
  for (const auto& rule : set.rules)
    lines.push_back(printable(rule_words(rule, set)));
  return lines;
}

}  // namespace trainbus
