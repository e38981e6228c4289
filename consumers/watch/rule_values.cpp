#include "rule_values.hpp"

#include <charconv>
#include <cmath>

#include "trainbus/knobs.hpp"
#include "trainbus/value_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text;
}

struct Quantity {
  double number = 0;
  std::string_view unit = {};
};

// A finite number that is not negative, and what follows it.
std::optional<Quantity> parse_quantity(std::string_view text) {
  Quantity quantity;
  text = trimmed(text);
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc{} || !std::isfinite(quantity.number) || quantity.number < 0) return std::nullopt;
  quantity.unit = trimmed(text.substr(static_cast<std::size_t>(rest - text.data())));
  return quantity;
}

std::optional<RuleAction> with_value(v1::CommandType type, std::string_view value) {
  RuleAction action{.type = type};
  const auto quantity = parse_quantity(value);
  if (!quantity) return std::nullopt;
  action.relative = type == v1::CHANGE_LEARNING_RATE && quantity->unit == "x";
  if (!action.relative && !quantity->unit.empty()) return std::nullopt;
  action.value = quantity->number;
  v1::ControlCommand command;  // of the range that the bus allows
  command.set_type(type);
  command.set_command_id(new_command_id());
  (*command.mutable_parameters())["value"] = value.substr(0, value.find('x'));
  if (!command_problem(command).empty()) return std::nullopt;
  return action;
}

// "NAME" or "NAME VALUE"; whether the trainer has it only the broker knows.
std::optional<RuleAction> of_knob(std::string_view text) {
  const auto blank = text.find(' ');
  RuleAction action{.type = v1::SET_KNOB, .knob = std::string(text.substr(0, blank))};
  if (!valid_name(action.knob)) return std::nullopt;
  if (blank != text.npos) action.knob_value = std::string(trimmed(text.substr(blank)));
  return action;
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  constexpr double kMost = 30 * 86'400'000.0;
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
  const auto quantity = parse_quantity(text);
  if (!quantity) return std::nullopt;
  if (quantity->number == 0 && quantity->unit.empty()) return 0;
  for (const auto& [unit, ms] : kUnits)
    if (quantity->unit == unit && quantity->number * ms <= kMost) return std::llround(quantity->number * ms);
  return std::nullopt;
}

std::optional<double> parse_factor(std::string_view text) {
  const auto quantity = parse_quantity(text);
  if (!quantity || quantity->number <= 0 || quantity->number > 1e9) return std::nullopt;
  if (quantity->unit == "x") return quantity->number;
  if (quantity->unit == "%") return quantity->number / 100;
  return std::nullopt;
}

std::optional<double> parse_mb_per_minute(std::string_view text) {
  const auto quantity = parse_quantity(text);
  const bool good = quantity && quantity->unit == "MB/min" && quantity->number > 0;
  return good ? std::optional(quantity->number) : std::nullopt;
}

std::optional<int> parse_count(std::string_view text, std::string_view unit, int most) {
  const auto quantity = parse_quantity(text);
  if (!quantity || quantity->number < 1 || quantity->number > most || std::floor(quantity->number) != quantity->number)
    return std::nullopt;
  const std::string_view singular = unit.substr(0, unit == "batches" ? unit.size() - 2 : unit.size() - 1);
  if (quantity->unit != unit && quantity->unit != singular) return std::nullopt;
  return static_cast<int>(quantity->number);
}

std::optional<WhenText> parse_when(std::string_view text) {
  static constexpr std::pair<std::string_view, ConditionKind> kWords[] = {
      {"not_finite", ConditionKind::kNotFinite},
      {"spike", ConditionKind::kLossSpike},
      {"plateau", ConditionKind::kPlateau},
      {"collapse", ConditionKind::kAccuracyCollapse}};
  text = trimmed(text);
  for (const auto& [word, kind] : kWords)
    if (text.starts_with(word) && text.substr(word.size()).starts_with(" of ")) {
      const auto name = trimmed(text.substr(word.size() + 4));
      return valid_value_name(name) ? std::optional(WhenText{kind, std::string(name)}) : std::nullopt;
    }
  for (const std::string_view word : {" above ", " below "}) {
    const auto at = text.rfind(word);
    if (at == text.npos) continue;
    const auto name = trimmed(text.substr(0, at));
    const auto limit = read_number(trimmed(text.substr(at + word.size())));
    if (limit && valid_value_name(name))
      return WhenText{ConditionKind::kThreshold, std::string(name), *limit, word == " below "};
  }
  return std::nullopt;
}

std::optional<RuleAction> parse_action(std::string_view text) {
  text = trimmed(text);
  const auto blank = text.find(' ');
  const auto verb = text.substr(0, blank);
  const auto value = blank == std::string_view::npos ? std::string_view{} : trimmed(text.substr(blank));
  for (const auto type :
       {v1::PAUSE_TRAINING, v1::STOP_TRAINING, v1::CHANGE_LEARNING_RATE, v1::ADJUST_BATCH_SIZE, v1::SET_KNOB}) {
    if (verb != command_verb(type)) continue;
    const bool takes_value = type == v1::CHANGE_LEARNING_RATE || type == v1::ADJUST_BATCH_SIZE;
    auto action = type == v1::SET_KNOB ? of_knob(value)
                  : takes_value        ? with_value(type, value)
                  : value.empty()      ? std::optional(RuleAction{.type = type})
                                       : std::nullopt;
    if (action) action->text = text;
    return action;
  }
  return std::nullopt;
}

}  // namespace trainbus
