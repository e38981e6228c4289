// Rules files: what is understood, and the one line with its place when something is not.

#include "rules_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "condition.hpp"
#include "rule_words.hpp"

namespace trainbus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string problem_of(const std::string& text) {
  try {
    parse_rules(text, "f.yaml");
  } catch (const RulesError& error) {
    return error.what();
  }
  return "none";
}

TEST(RulesFile, TheExampleLoadsAndUsesEveryCondition) {
  const auto set = load_rules(TRAINBUS_SOURCE "/consumers/watch/rules.example.yaml");
  EXPECT_EQ(set.channels.size(), 2u);
  for (const auto& facts : all_conditions())
    EXPECT_TRUE(std::any_of(set.rules.begin(), set.rules.end(), [&](const Rule& rule) {
      return rule.condition.kind == facts.kind;
    })) << facts.name;
}

TEST(RulesFile, AllOfARuleIsUnderstood) {
  const auto set = parse_rules(R"(
channels:
  a: {webhook: "http://127.0.0.1:8/x?y=z", timeout: 2s, ended: no}
  b: {exec: "cat > /dev/null"}
rules:
  - name: exploding
    on: loss_spike
    above: 500%
    until: 2x
    over: 20 batches
    runs: mnist*
    trainers: [t0, "t?"]
    for: 1.5s
    clear_after: 2min
    quiet: 1h
    severity: critical
    to: [a]
    then: set-lr 0.5x
)",
                               "f.yaml");
  ASSERT_EQ(set.rules.size(), 1u);
  const auto& rule = set.rules[0];
  EXPECT_EQ(rule.name, "exploding");
  EXPECT_EQ(rule.condition.limit, 5);
  EXPECT_EQ(rule.condition.until, 2);
  EXPECT_EQ(rule.condition.over, 20);
  EXPECT_EQ(rule.for_ms, 1500);
  EXPECT_EQ(rule.clear_after_ms, 120'000);
  EXPECT_EQ(rule.quiet_ms, 3'600'000);
  EXPECT_EQ(rule.severity, Severity::kCritical);
  EXPECT_TRUE(rule.tells("a"));
  EXPECT_FALSE(rule.tells("b"));
  EXPECT_TRUE(rule.matches("mnist-3/t7"));
  EXPECT_FALSE(rule.matches("mnist-3/t77"));
  EXPECT_FALSE(rule.matches("cifar/t0"));
  ASSERT_TRUE(rule.action);
  EXPECT_TRUE(rule.action->relative);
  EXPECT_EQ(rule.action->value, 0.5);
  EXPECT_FALSE(set.channels[0].ended);
  EXPECT_THAT(set.channels[1].exec, ElementsAre("/bin/sh", "-c", "cat > /dev/null"));
}

TEST(RulesFile, AnErrorIsOneLineWithItsPlaceTheValueAndWhatIsAllowed) {
  const std::pair<const char*, const char*> kCases[] = {
      {"rules: [{on: ded}]", "f.yaml:1:14: 'on' is 'ded'; allowed: dead, stalled, not_finite, loss_spike"},
      {"rules:\n  - on: dead\n    fro: 3s\n", "f.yaml:3:5: a rule on dead has no key 'fro'; allowed: on, name, runs"},
      {"rules:\n  - on: dead\n    above: 3x\n", "f.yaml:3:5: a rule on dead has no key 'above'"},
      {"rules:\n  - on: dead\n    for: 3\n", "f.yaml:3:10: 'for' is '3'; allowed: a time such as 30s"},
      {"rules:\n  - on: dead\n    for: -3s\n", "f.yaml:3:10: 'for' is '-3s'"},
      {"rules:\n  - on: dead\n    for: [1s]\n", "f.yaml:3:10: 'for' is a list"},
      {"rules:\n  - on: dead\n    on: dead\n", "f.yaml:3:5: key 'on' is there twice"},
      {"rules:\n  - for: 3s\n", "f.yaml:2:5: a rule has no 'on'"},
      {"rules:\n  - dead\n", "f.yaml:2:5: a rule is 'dead'; allowed: a mapping with 'on'"},
      {"rules: dead\n", "f.yaml:1:8: 'rules' is 'dead'; allowed: a list of rules"},
      {"rules: []\n", "f.yaml:1:8: 'rules' is a list; allowed"},
      {"rules: [{on: dead}, {on: dead}]", "f.yaml:1:21: a second rule is called 'dead'; allowed: a 'name' for each"},
      {"rules: [{on: dead, name: a b}]", "f.yaml:1:26: 'name' is 'a b'"},
      {"rules: [{on: dead, name: stalled}]", "f.yaml:1:26: 'name' is 'stalled'; allowed: not the name of another"},
      {"rules: [{on: dead, then: pause}]", "f.yaml:1:26: 'then' cannot follow dead"},
      {"rules: [{on: plateau, then: resume}]", "f.yaml:1:29: 'then' is 'resume'; allowed: pause, stop, set-lr"},
      {"rules: [{on: plateau, then: set-lr -1}]", "f.yaml:1:29: 'then' is 'set-lr -1'"},
      {"rules: [{on: plateau, then: set-batch-size 0}]", "f.yaml:1:29: 'then' is 'set-batch-size 0'"},
      {"rules: [{on: plateau, then: set-batch-size 2x}]", "f.yaml:1:29: 'then' is 'set-batch-size 2x'"},
      {"rules: [{on: dead, to: team}]", "f.yaml:1:24: 'to' names 'team', which is no channel; allowed: []"},
      {"rules: [{on: dead, severity: loud}]", "f.yaml:1:30: 'severity' is 'loud'; allowed: info, warning, critical"},
      {"rules: [{on: loss_spike, above: 0.5x}]", "f.yaml:1:33: 'above' is '0.5x'; allowed: above 1x"},
      {"rules: [{on: loss_spike, until: 4x}]", "f.yaml:1:33: 'until' is '4x'"},
      {"rules: [{on: throughput_drop, below: 1x}]", "f.yaml:1:38: 'below' is '1x'; allowed: below 1x"},
      {"rules: [{on: throughput_drop, over: 5 batches}]", "'over' is '5 batches'; allowed: 2 to 100000 records"},
      {"rules: [{on: plateau, over: 5 batches, of: validation_loss}]",
       "'of' is 'validation_loss'; allowed: loss, when"},
      {"rules: [{on: sink_failing, for: 3s}]", "f.yaml:1:28: a rule on sink_failing has no key 'for'"},
      {"channels: {a: {}}\nrules: [{on: dead}]", "f.yaml:1:15: channel 'a' needs one of 'webhook' and 'exec'"},
      {"channels: {a: {exec: []}}\nrules: [{on: dead}]", "f.yaml:1:22: 'exec' is an empty list"},
      {"channels: {a/b: {exec: x}}\nrules: [{on: dead}]", "f.yaml:1:12: the channel's name is 'a/b'"},
      {"channels: {a: {exec: x, timeout: 1h}}\nrules: [{on: dead}]", "'timeout' is '1h'; allowed: a time from 100ms"},
      {"channels: {a: {webhook: ftp://x}}\nrules: [{on: dead}]", "'webhook' does not start with http:// or https://"},
      {"channels: {a: {webhook: '${TRAINBUS_NOT_SET}'}}\nrules: [{on: dead}]", "'TRAINBUS_NOT_SET', which is not set"},
      {"channels: {a: {exec: x}, a: {exec: y}}\nrules: [{on: dead}]", "f.yaml:1:26: key 'a' is there twice"},
      {"rule: []", "f.yaml:1:1: the file has no key 'rule'; allowed: channels, rules"},
      {"channels: {a: {exec: x}}", "f.yaml:1:1: there are no 'rules'"},
      {"", "f.yaml:1:1: the file is nothing"},
      {"rules: [\n  {on: dead\n", "f.yaml:3:1: not YAML"},
      {"rules: [{on: dead}]\n---\nrules: []\n", "a second document begins"},
  };
  for (const auto& [text, expected] : kCases) {
    EXPECT_THAT(problem_of(text), HasSubstr(expected)) << text;
    EXPECT_THAT(problem_of(text), Not(HasSubstr("\n"))) << text;
  }
}

TEST(RulesFile, ASecretIsNeverShown) {
  EXPECT_THAT(problem_of("channels: {a: {webhook: 'https://hooks/s e c r e t'}}\nrules: [{on: dead}]"),
              Not(HasSubstr("s e c")));
  setenv("TRAINBUS_TEST_URL", "https://hooks.example.com/services/T0/SECRET", 1);
  const auto set = parse_rules("channels: {a: {webhook: '${TRAINBUS_TEST_URL}'}}\nrules: [{on: dead}]", "f.yaml");
  EXPECT_EQ(set.channels[0].webhook, "https://hooks.example.com/services/T0/SECRET");
  EXPECT_THAT(in_words(set),
              ElementsAre("channel a: POST to https://hooks.example.com/..., within 10 s",
                          "rule dead of any trainer: when three heartbeats are missed, raise an alert (warning) "
                          "and tell a"));
}

TEST(RulesFile, AFileThatCannotBeReadIsSaid) {
  EXPECT_THROW(load_rules("/nowhere/rules.yaml"), RulesError);
  EXPECT_THROW(load_rules("/"), RulesError);
}

}  // namespace
}  // namespace trainbus
