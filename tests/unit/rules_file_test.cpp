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

TEST(RulesFile, WhenNamesAConditionAndItsValue) {
  const auto set = parse_rules(R"(
rules:
  - when: spike of val/perplexity
    above: 5x
    over: 20 values
  - when: plateau of reward
    better: higher
    over: 10 values
    name: stuck
  - when: not_finite of grad norm of head
  - when: collapse of val/iou
  - when: grad_norm above 1e3
    until: 500
  - when: val/iou below 0.2
  - {on: threshold, of: lr, below: 1e-6, name: slow}
  - {on: plateau, of: validation_loss, over: 3 epochs}
)",
                               "f.yaml");
  ASSERT_EQ(set.rules.size(), 8u);
  const auto& spike = set.rules[0];
  EXPECT_EQ(spike.name, "loss_spike-val-perplexity");
  EXPECT_EQ(spike.condition.kind, ConditionKind::kLossSpike);
  EXPECT_EQ(spike.condition.of, "val/perplexity");
  EXPECT_EQ(spike.condition.limit, 5);
  EXPECT_EQ(spike.condition.over, 20);
  EXPECT_EQ(set.rules[1].name, "stuck");
  EXPECT_TRUE(set.rules[1].condition.higher_is_better && set.rules[1].condition.over_values);
  EXPECT_EQ(set.rules[2].condition.of, "grad norm of head");
  EXPECT_EQ(set.rules[4].condition.kind, ConditionKind::kThreshold);
  EXPECT_EQ(set.rules[4].condition.of, "grad_norm");
  EXPECT_EQ(set.rules[4].condition.limit, 1000);
  EXPECT_EQ(set.rules[4].condition.until, 500);
  EXPECT_FALSE(set.rules[4].condition.below);
  EXPECT_TRUE(set.rules[5].condition.below && set.rules[6].condition.below);
  EXPECT_FALSE(set.rules[7].condition.over_values);
  const auto words = in_words(set);
  EXPECT_EQ(words[0],
            "rule loss_spike-val-perplexity of any trainer: when val/perplexity is above 5 x the median of the 20 "
            "before, raise an alert (warning)");
  EXPECT_EQ(
      words[4],
      "rule threshold-grad_norm of any trainer: when grad_norm is above 1000, until 500, raise an alert (warning)");
}

TEST(RulesFile, AKnobIsSetOrAnActionAskedFor) {
  const auto set = parse_rules(
      "rules: [{on: plateau, then: set weight_decay 0.01}, {on: stalled, then: set save_checkpoint}]", "f.yaml");
  ASSERT_TRUE(set.rules[0].action && set.rules[1].action);
  EXPECT_EQ(set.rules[0].action->knob, "weight_decay");
  EXPECT_EQ(set.rules[0].action->knob_value, "0.01");
  EXPECT_EQ(set.rules[1].action->knob, "save_checkpoint");
  EXPECT_FALSE(set.rules[1].action->knob_value);
}

TEST(RulesFile, AnErrorIsOneLineWithItsPlaceTheValueAndWhatIsAllowed) {
  const std::pair<const char*, const char*> kCases[] = {
      {"rules: [{on: ded}]", "f.yaml:1:14: 'on' is 'ded'; allowed: dead, stalled, not_finite, loss_spike"},
      {"rules:\n  - on: dead\n    fro: 3s\n",
       "f.yaml:3:5: a rule on dead has no key 'fro'; allowed: on, when, name, runs"},
      {"rules:\n  - on: dead\n    above: 3x\n", "f.yaml:3:5: a rule on dead has no key 'above'"},
      {"rules:\n  - on: dead\n    for: 3\n", "f.yaml:3:10: 'for' is '3'; allowed: a time such as 30s"},
      {"rules:\n  - on: dead\n    for: -3s\n", "f.yaml:3:10: 'for' is '-3s'"},
      {"rules:\n  - on: dead\n    for: [1s]\n", "f.yaml:3:10: 'for' is a list"},
      {"rules:\n  - on: dead\n    on: dead\n", "f.yaml:3:5: key 'on' is there twice"},
      {"rules:\n  - for: 3s\n", "f.yaml:2:5: a rule has no 'on' and no 'when'"},
      {"rules: [{when: spike}]", "f.yaml:1:16: 'when' is 'spike'; allowed: spike, plateau, collapse or not_finite of"},
      {"rules: [{when: grad_norm above}]", "f.yaml:1:16: 'when' is 'grad_norm above'"},
      {"rules: [{when: grad_norm above nan}]", "f.yaml:1:16: 'when' is 'grad_norm above nan'"},
      {"rules: [{when: spike of x, on: dead}]", "f.yaml:1:28: a rule has 'on' and 'when'; allowed: one"},
      {"rules: [{when: spike of x, of: y}]", "f.yaml:1:32: 'of' is said by 'when'; allowed: no 'of'"},
      {"rules: [{when: x above 3, above: 4}]", "f.yaml:1:34: 'above' is said by 'when'; allowed: once"},
      {"rules: [{when: x above 3, until: 4}]", "f.yaml:1:34: 'until' is '4'; allowed: at most as much as 'above'"},
      {"rules: [{when: x below 3, until: 2}]", "'until' is '2'; allowed: at least as much as 'below'"},
      {"rules: [{when: plateau of x, over: 3 epochs}]", "'over' is '3 epochs'; allowed: such as 5 values"},
      {"rules: [{when: plateau of x, better: more}]", "'better' is 'more'; allowed: lower, higher"},
      {"rules: [{when: spike of x, over: 30 batches}]", "'over' is '30 batches'; allowed: 2 to 100000 values"},
      {"rules: [{on: threshold, above: 3}]", "a threshold has no 'of'; allowed: the name of a value"},
      {"rules: [{on: threshold, of: x}]", "a threshold needs one of 'above' and 'below'; allowed: one"},
      {"rules: [{on: plateau, then: set a/b 1}]", "'then' is 'set a/b 1'; allowed: pause, stop"},
      {"rules: [{on: finished, status: over}]", "'status' is 'over'; allowed: completed, failed, stopped, any"},
      {"rules:\n  - dead\n", "f.yaml:2:5: a rule is 'dead'; allowed: a mapping with 'on' or 'when'"},
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
       "'over' is '5 batches'; allowed: epochs, because only an epoch has a validation_loss"},
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
