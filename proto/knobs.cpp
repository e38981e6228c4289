#include "trainbus/knobs.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "trainbus/text.hpp"
#include "trainbus/topic.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

std::string in_quotes(std::string_view text) { return "'" + clean_text(text, 48) + (text.size() > 48 ? "...'" : "'"); }

bool has_range(const v1::Knob& knob) { return knob.type() == v1::Knob::NUMBER || knob.type() == v1::Knob::INTEGER; }

// The two built-in knobs have bounds of their own, which a declaration cannot widen.
bool built_in_accepts(const v1::Knob& knob, double value) {
  if (knob.name() == kLearningRateKnob) return value > 0;
  if (knob.name() == kBatchSizeKnob) return value >= 1 && value <= kMaxBatchSize;
  return true;
}

bool in_range(const v1::Knob& knob, double value) {
  return !(knob.has_min() && value < knob.min()) && !(knob.has_max() && value > knob.max()) &&
         built_in_accepts(knob, value);
}

bool takes(const v1::Knob& knob, const std::string& value) {
  switch (knob.type()) {
    case v1::Knob::NUMBER: {
      const auto number = read_number(value);
      return number && in_range(knob, *number);
    }
    case v1::Knob::INTEGER: {
      const auto number = read_integer(value);
      return number && in_range(knob, static_cast<double>(*number));
    }
    case v1::Knob::CHOICE: return std::ranges::find(knob.choices(), value) != knob.choices().end();
    case v1::Knob::SWITCH: return read_switch(value).has_value();
    default: return false;
  }
}

std::string bounds_problem(const v1::Knob& knob) {
  if ((knob.has_min() || knob.has_max()) && !has_range(knob)) return "only a number has a range";
  if (knob.has_min() && std::isnan(knob.min())) return "its min is not a number";
  if (knob.has_max() && std::isnan(knob.max())) return "its max is not a number";
  if (knob.has_min() && knob.has_max() && knob.min() > knob.max())
    return "its min " + number_text(knob.min()) + " is above its max " + number_text(knob.max());
  return {};
}

std::string choices_problem(const v1::Knob& knob) {
  if (knob.type() != v1::Knob::CHOICE) return knob.choices().empty() ? "" : "only a choice has choices";
  if (knob.choices().empty()) return "a choice needs choices";
  if (static_cast<std::size_t>(knob.choices_size()) > kMaxKnobChoices)
    return "it has " + std::to_string(knob.choices_size()) + " choices, " + std::to_string(kMaxKnobChoices) +
           " at most";
  for (const auto& choice : knob.choices()) {
    if (choice.empty() || choice.size() > kMaxKnobValueBytes)
      return "choice " + in_quotes(choice) + " is empty or too long";
    if (std::ranges::count(knob.choices(), choice) > 1) return "choice " + in_quotes(choice) + " is there twice";
  }
  return {};
}

}  // namespace

std::string_view knob_type_name(v1::Knob::Type type) {
  switch (type) {
    case v1::Knob::ACTION: return "action";
    case v1::Knob::NUMBER: return "number";
    case v1::Knob::INTEGER: return "integer";
    case v1::Knob::CHOICE: return "choice";
    case v1::Knob::SWITCH: return "switch";
    default: return "unknown";
  }
}

std::string knob_problem(const v1::Knob& knob) {
  const std::string about = "knob " + in_quotes(knob.name()) + ": ";
  if (!valid_name(knob.name())) return about + "its name must match [A-Za-z0-9._-]{1,64}";
  if (!v1::Knob::Type_IsValid(knob.type())) return about + "unknown type " + std::to_string(knob.type());
  if (const auto problem = bounds_problem(knob); !problem.empty()) return about + problem;
  if (const auto problem = choices_problem(knob); !problem.empty()) return about + problem;
  if (knob.help().size() > kMaxKnobHelpBytes || knob.unit().size() > kMaxKnobValueBytes ||
      knob.value().size() > kMaxKnobValueBytes)
    return about + "its help, unit or value is too long";
  if (knob.type() == v1::Knob::ACTION) return knob.value().empty() ? "" : about + "an action has no value";
  // "" : not known yet.
  if (!knob.value().empty() && !takes(knob, knob.value()))
    return about + "its own value " + in_quotes(knob.value()) + " is outside " + knob_range_text(knob);
  return {};
}

std::string knob_value_problem(const v1::Knob& knob, const std::string* value) {
  const bool action = knob.type() == v1::Knob::ACTION;
  if (action && value != nullptr && !value->empty()) return knob.name() + " is an action, it takes no value";
  if (action) return {};
  if (value == nullptr) return knob.name() + " needs a value: " + knob_range_text(knob);
  if (value->size() <= kMaxKnobValueBytes && takes(knob, *value)) return {};
  return knob.name() + " must be " + knob_range_text(knob) + ", got " + in_quotes(*value);
}

std::optional<double> read_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error == std::errc{} && end == text.data() + text.size()) return whole;
  const auto value = read_number(text);
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double skips whole numbers
  if (!value || std::floor(*value) != *value || std::abs(*value) > kExact) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<bool> read_switch(std::string_view text) {
  for (const std::string_view on : {"on", "true", "1", "yes"})
    if (text == on) return true;
  for (const std::string_view off : {"off", "false", "0", "no"})
    if (text == off) return false;
  return std::nullopt;
}

std::string knob_range_text(const v1::Knob& knob) {
  std::string text;
  switch (knob.type()) {
    case v1::Knob::ACTION: return "asked for";
    case v1::Knob::SWITCH: return "on or off";
    case v1::Knob::CHOICE:
      for (const auto& choice : knob.choices())
        text += (text.empty() ? "" : "|") + choice;
      return "one of " + text;
    default: break;
  }
  text = knob.type() == v1::Knob::INTEGER ? "a whole number" : "a number";
  if (knob.has_min() && knob.has_max())
    text += " from " + number_text(knob.min()) + " to " + number_text(knob.max());
  else if (knob.has_min())
    text += " of at least " + number_text(knob.min());
  else if (knob.has_max())
    text += " of at most " + number_text(knob.max());
  else if (knob.name() == kLearningRateKnob)
    text += " above 0";
  else if (knob.name() == kBatchSizeKnob)
    text += " from 1 to " + std::to_string(kMaxBatchSize);
  return knob.unit().empty() ? text : text + ' ' + knob.unit();
}

const v1::Knob* find_knob(const v1::TrainingConfig& config, std::string_view name) {
  for (const auto& knob : config.knobs())
    if (knob.name() == name) return &knob;
  return nullptr;
}

}  // namespace trainbus
