#include "rules_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "condition.hpp"
#include "rule_values.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/topic.hpp"
#include "trainbus/value_name.hpp"
#include "webhook_url.hpp"
#include "yaml_map.hpp"

namespace trainbus {
namespace {

constexpr char kTime[] = "a time such as 30s, 10min or 2h";
constexpr char kName[] = "1 to 64 of letters, digits, '.', '_' and '-'";
constexpr char kRuleKeys[] = "on when name runs trainers for clear_after quiet severity to then";
constexpr char kRuleKeysElsewhere[] = "on runs trainers severity to";
constexpr char kValueName[] = "the name of a value, such as loss, validation_loss or val/iou";
constexpr char kWhen[] =
    "spike, plateau, collapse or not_finite of NAME, NAME above NUMBER, NAME below NUMBER (NAME: loss, "
    "validation_loss, "
    "val/iou, ...)";
constexpr int kMostRecords = 100'000;

std::string condition_names() {
  std::string names;
  for (const auto& facts : all_conditions())
    names += (names.empty() ? "" : ", ") + std::string(facts.name);
  return names;
}

class RulesReader {
 public:
  explicit RulesReader(const std::string& file) : place_(file) {}

  RuleSet read(const YAML::Node& file) {
    const YamlMap top(place_, file, "the file", "channels rules");
    if (top.has("channels")) read_channels(top.at("channels"));
    if (!top.has("rules")) place_.fail(top.mark(), "there are no 'rules'; allowed: a list of rules");
    const auto& rules = top.at("rules");
    if (!rules.IsSequence() || rules.size() == 0) top.fail("rules", "a list of rules");
    for (const auto& rule : rules)
      set_.rules.push_back(read_rule(rule));
    return std::move(set_);
  }

 private:
  void read_channels(const YAML::Node& node) {
    const YamlMap channels(place_, node, "'channels'", "");
    for (const auto& entry : node)
      set_.channels.push_back(read_channel(entry.first, entry.second));
  }

  ChannelSpec read_channel(const YAML::Node& key, const YAML::Node& node) {
    if (!key.IsScalar() || !valid_name(key.Scalar()))
      place_.fail(key, "the channel's name is " + shown(key) + "; allowed: " + kName);
    ChannelSpec channel{.name = key.Scalar()};
    const YamlMap map(place_, node, "channel '" + channel.name + '\'', "webhook exec timeout ca ended");
    if (map.has("webhook") == map.has("exec"))
      place_.fail(map.mark(), "channel '" + channel.name + "' needs one of 'webhook' and 'exec'; allowed: one");
    channel.timeout = std::chrono::milliseconds(map.value<std::int64_t>(
        "timeout", channel.timeout.count(), "a time from 100ms to 10min", [](const std::string& text) {
          const auto ms = parse_time(text);
          return ms && *ms >= 100 && *ms <= 600'000 ? ms : std::nullopt;
        }));
    channel.ended = map.value<bool>("ended", true, "yes or no", [](const std::string& text) -> std::optional<bool> {
      if (text == "yes" || text == "true") return true;
      return text == "no" || text == "false" ? std::optional(false) : std::nullopt;
    });
    map.has("webhook") ? read_webhook(map, channel) : read_exec(map, channel);
    return channel;
  }

  // The URL may be a secret: an error does not show it.
  void read_webhook(const YamlMap& map, ChannelSpec& channel) {
    channel.webhook = map.text("webhook", "http://HOST/PATH, https://HOST/PATH or ${NAME}");
    const auto& node = map.at("webhook");
    if (channel.webhook.starts_with("${") && channel.webhook.ends_with("}")) {
      const auto name = channel.webhook.substr(2, channel.webhook.size() - 3);
      const char* value = std::getenv(name.c_str());
      if (value == nullptr || *value == '\0')
        place_.fail(node, "'webhook' is the environment's '" + name + "', which is not set; allowed: a URL in it");
      channel.webhook = value;
    }
    if (const auto problem = webhook_url_problem(channel.webhook); !problem.empty())
      place_.fail(node, "'webhook' " + problem + "; allowed: http://HOST/PATH, https://HOST/PATH or ${NAME}");
    if (!map.has("ca")) return;
    channel.ca_file = map.text("ca", "a file of certificates (PEM)");
    if (!std::ifstream(channel.ca_file)) map.fail("ca", "a file of certificates (PEM) that can be read");
  }

  void read_exec(const YamlMap& map, ChannelSpec& channel) {
    constexpr char kExec[] = "a list of a program and its arguments, or a line for /bin/sh";
    if (map.has("ca")) place_.fail(map.at("ca"), "'ca' is of a webhook; allowed with exec: timeout, ended");
    channel.exec = map.texts("exec", kExec);
    if (!map.at("exec").IsSequence()) channel.exec = {"/bin/sh", "-c", channel.exec.front()};
  }

  // What `on` or `when` says, and where.
  struct Subject {
    const ConditionFacts* facts;
    std::optional<WhenText> when = {};
  };

  Rule read_rule(const YAML::Node& node) {
    const auto subject = subject_of(node);
    const auto& facts = *subject.facts;
    const std::string what = "a rule on " + std::string(facts.name);
    const std::string keys =
        (facts.raised_elsewhere ? kRuleKeysElsewhere : kRuleKeys) + (' ' + std::string(facts.keys));
    const YamlMap map(place_, node, what, keys);
    Rule rule{.name = default_name(facts, subject.when), .condition = read_condition(map, subject)};
    const auto time = [](const std::string& text) { return parse_time(text); };
    rule.for_ms = map.value<std::int64_t>("for", 0, kTime, time);
    rule.clear_after_ms = map.value<std::int64_t>("clear_after", 0, kTime, time);
    rule.quiet_ms = map.value<std::int64_t>("quiet", 0, kTime, time);
    if (map.has("runs")) rule.runs = map.texts("runs", "a pattern or a list of patterns");
    if (map.has("trainers")) rule.trainers = map.texts("trainers", "a pattern or a list of patterns");
    rule.severity = map.value<Severity>("severity", Severity::kWarning, "info, warning, critical", severity_of);
    if (map.has("to")) rule.to = read_to(map);
    read_name(map, node, rule);
    if (map.has("then")) rule.action = read_action(map, facts);
    return rule;
  }

  Subject subject_of(const YAML::Node& node) {
    const std::string allowed = condition_names();
    if (!node.IsMap()) place_.fail(node, "a rule is " + shown(node) + "; allowed: a mapping with 'on' or 'when'");
    std::optional<Subject> subject;
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string{};
      if (key != "on" && key != "when") continue;
      const std::string text = entry.second.IsScalar() ? entry.second.Scalar() : std::string{};
      if (subject && (key == "when") != subject->when.has_value())
        place_.fail(entry.first, "a rule has 'on' and 'when'; allowed: one");
      if (key == "on") {
        subject = {condition_named(text)};
        if (subject->facts == nullptr)
          place_.fail(entry.second, "'on' is " + shown(entry.second) + "; allowed: " + allowed);
      } else if (auto when = parse_when(text)) {
        subject = {&facts_of(when->kind), std::move(when)};
      } else {
        place_.fail(entry.second, "'when' is " + shown(entry.second) + "; allowed: " + kWhen);
      }
    }
    if (!subject) place_.fail(node, "a rule has no 'on' and no 'when'; allowed: " + allowed);
    return *subject;
  }

  // Of `when` its condition and its value, in the letters that a name has: spike-val-iou.
  static std::string default_name(const ConditionFacts& facts, const std::optional<WhenText>& when) {
    if (!when) return std::string(facts.name);
    std::string name = std::string(facts.name) + '-' + when->of;
    for (char& letter : name)
      if (!valid_name(std::string_view(&letter, 1))) letter = '-';
    return name.substr(0, kMaxNameBytes);
  }

  Condition read_condition(const YamlMap& map, const Subject& subject) {
    Condition condition = default_condition(subject.facts->kind);
    read_of(map, subject, condition);
    switch (condition.kind) {
      case ConditionKind::kMemoryGradient: read_gradient(map, condition); break;
      case ConditionKind::kPlateau: read_plateau(map, condition); break;
      case ConditionKind::kThreshold: read_threshold(map, subject, condition); break;
      case ConditionKind::kFinished:
        condition.status =
            map.value<v1::TrainingStatus>("status", v1::UNKNOWN, "completed, failed, stopped, any", status_of);
        break;
      default:
        if (condition.over > 0) read_limits(map, condition);
    }
    return condition;
  }

  void read_gradient(const YamlMap& map, Condition& condition) {
    condition.limit = map.value<double>("above", condition.limit, "such as 50 MB/min", parse_mb_per_minute);
    condition.over_ms =
        map.value<std::int64_t>("over", condition.over_ms, "a time from 1s to 1d", [](const std::string& text) {
          const auto ms = parse_time(text);
          return ms && *ms >= 1000 && *ms <= 86'400'000 ? ms : std::nullopt;
        });
  }

  // The value that is looked at.
  void read_of(const YamlMap& map, const Subject& subject, Condition& condition) {
    if (subject.when) {
      if (map.has("of")) place_.fail(map.at("of"), "'of' is said by 'when'; allowed: no 'of'");
      condition.of = subject.when->of;
    } else if (condition.kind == ConditionKind::kMemoryGradient) {
      condition.of_gpu = map.value<bool>("of", false, "memory, gpu_memory", [](const std::string& text) {
        return text == "memory" || text == "gpu_memory" ? std::optional(text == "gpu_memory") : std::nullopt;
      });
    } else if (map.has("of")) {
      condition.of = map.text("of", kValueName);
      if (!valid_value_name(condition.of)) map.fail("of", kValueName);
    } else if (condition.kind == ConditionKind::kThreshold) {
      place_.fail(map.mark(), std::string("a threshold has no 'of'; allowed: ") + kValueName);
    }
  }

  void read_threshold(const YamlMap& map, const Subject& subject, Condition& condition) {
    const auto number = [](const std::string& text) { return read_number(text); };
    if (subject.when) {
      for (const char* key : {"above", "below"})
        if (map.has(key)) place_.fail(map.at(key), '\'' + std::string(key) + "' is said by 'when'; allowed: once");
      condition.limit = subject.when->limit;
      condition.below = subject.when->below;
    } else {
      if (map.has("above") == map.has("below"))
        place_.fail(map.mark(), "a threshold needs one of 'above' and 'below'; allowed: one");
      condition.below = map.has("below");
      condition.limit = map.value<double>(condition.below ? "below" : "above", 0, "a number", number);
    }
    condition.until = map.value<double>("until", condition.limit, "a number", number);
    if (condition.below ? condition.until < condition.limit : condition.until > condition.limit)
      map.fail("until", condition.below ? "at least as much as 'below'" : "at most as much as 'above'");
  }

  void read_plateau(const YamlMap& map, Condition& condition) {
    condition.improvement = map.value<double>("improvement", condition.improvement, "such as 1%", parse_factor);
    condition.higher_is_better = map.value<bool>("better", false, "lower, higher", [](const std::string& text) {
      return text == "lower" || text == "higher" ? std::optional(text == "higher") : std::nullopt;
    });
    // The averages of epochs: counted by epochs; any other value by how often it was said.
    const bool of_epochs = condition.of.empty() || condition.of == "loss" || condition.of.starts_with("epoch_") ||
                           condition.of.starts_with("validation_");
    condition.over_values = !of_epochs;
    if (!map.has("over")) return;
    const std::string allowed = of_epochs ? "such as 5 epochs or 1000 batches" : "such as 5 values or 1000 batches";
    const auto text = map.text("over", allowed);
    const auto single = parse_count(text, of_epochs ? "epochs" : "values", kMostRecords);
    const auto batches = parse_count(text, "batches", 1'000'000'000);
    if (!single && !batches) map.fail("over", allowed);
    condition.over = single ? *single : *batches;
    condition.over_batches = !single;
    if (condition.over_batches && of_epochs && !condition.of.empty() && condition.of != "loss")
      map.fail("over", "epochs, because only an epoch has a " + condition.of);
  }

  // Of a spike (above, until is lower) and of a drop (below, until is higher).
  void read_limits(const YamlMap& map, Condition& condition) {
    const bool spike = condition.kind == ConditionKind::kLossSpike;
    const char* key = spike ? "above" : "below";
    const auto factor = [spike](double least, double most) {
      return [=](const std::string& text) {
        const auto value = parse_factor(text);
        return value && *value >= least && *value <= most && (!spike || *value > 1) ? value : std::nullopt;
      };
    };
    condition.limit =
        map.value<double>(key, condition.limit, spike ? "above 1x, such as 3x" : "below 1x, such as 0.5x or 50%",
                          spike ? factor(1, 1e9) : factor(0, 0.999999));
    condition.until =
        map.value<double>("until", condition.limit,
                          spike ? "above 1x and at most as much as 'above'" : "at least as much as 'below', at most 1x",
                          spike ? factor(1, condition.limit) : factor(condition.limit, 1));
    const char* unit = condition.kind == ConditionKind::kThroughputDrop ? "records"
                       : condition.of.empty()                           ? "batches"
                                                                        : "values";
    condition.over =
        map.value<int>("over", condition.over, "2 to 100000 " + std::string(unit), [&](const std::string& text) {
          const auto count = parse_count(text, unit, kMostRecords);
          return count && *count >= 2 ? count : std::nullopt;
        });
  }

  std::vector<std::string> read_to(const YamlMap& map) {
    std::string names;
    for (const auto& channel : set_.channels)
      names += (names.empty() ? "" : ", ") + channel.name;
    const std::string allowed =
        names.empty() ? "[], because there are no 'channels'" : names + ", a list of these, or []";
    auto to = map.texts("to", allowed, true);
    for (const auto& name : to)
      if (std::none_of(set_.channels.begin(), set_.channels.end(), [&](const auto& each) { return each.name == name; }))
        place_.fail(map.at("to"), "'to' names '" + name + "', which is no channel; allowed: " + allowed);
    return to;
  }

  void read_name(const YamlMap& map, const YAML::Node& node, Rule& rule) {
    if (map.has("name")) {
      rule.name = map.text("name", kName);
      if (!valid_name(rule.name)) map.fail("name", kName);
      const auto* taken = condition_named(rule.name);
      if (taken != nullptr && taken->kind != rule.condition.kind) map.fail("name", "not the name of another condition");
    }
    const auto& place = map.has("name") ? map.at("name") : node;
    for (const auto& other : set_.rules)
      if (other.name == rule.name && !facts_of(rule.condition.kind).raised_elsewhere)
        place_.fail(place, "a second rule is called '" + rule.name + "'; allowed: a 'name' for each");
  }

  RuleAction read_action(const YamlMap& map, const ConditionFacts& facts) {
    const std::string allowed = "pause, stop, set-lr 0.001, set-lr 0.5x, set-batch-size 64, set NAME VALUE, set NAME";
    if (!facts.takes_commands)
      place_.fail(map.at("then"), "'then' cannot follow " + std::string(facts.name) +
                                      ", when the trainer takes no commands; allowed: no 'then'");
    return map.value<RuleAction>("then", {}, allowed, [](const std::string& text) { return parse_action(text); });
  }

  static std::optional<Severity> severity_of(const std::string& text) {
    for (const auto severity : {Severity::kInfo, Severity::kWarning, Severity::kCritical})
      if (text == severity_name(severity)) return severity;
    return std::nullopt;
  }
  static std::optional<v1::TrainingStatus> status_of(const std::string& text) {
    if (text == "completed") return v1::COMPLETED;
    if (text == "failed") return v1::FAILED;
    if (text == "stopped") return v1::STOPPED;
    return text == "any" ? std::optional(v1::UNKNOWN) : std::nullopt;
  }

  YamlPlace place_;
  RuleSet set_;
};

}  // namespace

RuleSet parse_rules(const std::string& text, const std::string& name) {
  try {
    const auto documents = YAML::LoadAll(text);
    if (documents.size() > 1) YamlPlace(name).fail(documents[1], "a second document begins; allowed: one");
    return RulesReader(name).read(documents.empty() ? YAML::Load("") : documents.front());
  } catch (const YAML::Exception& error) {
    YamlPlace(name).fail(error.mark, "not YAML: " + error.msg);
  }
}

RuleSet load_rules(const std::string& path) {
  constexpr std::size_t kMost = 1 << 20;
  std::ifstream in(path);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) throw RulesError(path + ": cannot be read: " + std::strerror(errno));
  if (text.str().size() > kMost) throw RulesError(path + ": larger than 1 MiB, which is no rules file");
  return parse_rules(text.str(), path);
}

}  // namespace trainbus
