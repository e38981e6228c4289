#include "sink_plan.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>
#include <stdexcept>

#include "files/line_stream.hpp"
#include "secrets.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxLabelBytes = 60;  // "log-" and it are a trainer's name

[[noreturn]] void refuse(const trainbus_sink_type& type, const std::string& why) {
  throw std::invalid_argument(std::string(type.name).append(": ").append(why));
}

std::string names_of(const trainbus_sink_option* options) {
  std::string names;
  for (; options->name != nullptr; ++options)
    names.append(names.empty() ? "" : ", ").append(options->name);
  return names.empty() ? "none" : names;
}

// Values by position in `options`; empty where nothing was given.
using Given = std::vector<std::optional<std::string>>;

std::size_t count_of(const trainbus_sink_option* options) {
  std::size_t count = 0;
  while (options[count].name != nullptr)
    ++count;
  return count;
}

// False when there is no such option.
bool give(const trainbus_sink_type& type, const trainbus_sink_option* options, Given& given, const std::string& name,
          const std::string& value) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (options[i].name != name) continue;
    if (given[i]) refuse(type, "option '" + name + "' is given twice");
    given[i] = value;
    return true;
  }
  return false;
}

std::uint64_t parse_every(const std::string& text) {
  std::uint64_t every = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), every);
  if (error != std::errc() || end != text.data() + text.size() || every == 0)
    throw std::invalid_argument("every: '" + text + "' is not a whole number from 1");
  return every;
}

void take_host_option(SinkPlan& plan, const std::string& name, const std::string& value) {
  if (name == "name") {
    if (!valid_name(value) || value.size() > kMaxLabelBytes)
      throw std::invalid_argument("name: '" + value + "' is not [A-Za-z0-9._-]{1,60}");
    plan.label = value;
    plan.label_given = true;
  } else if (name == "kinds") {
    plan.filter.kinds = parse_kinds(value);
  } else if (name == "every") {
    plan.filter.every = parse_every(value);
  } else if (name == "archive") {
    if (!valid_name(value)) throw std::invalid_argument("archive: '" + value + "' is not [A-Za-z0-9._-]{1,64}");
    plan.archive = value;
  } else {
    check_name_pattern(name, value);
    (name == "run" ? plan.filter.run : plan.filter.trainer) = value;
  }
}

std::vector<std::string> complete(const trainbus_sink_type& type, const Given& given) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto& option = type.options[i];
    if (!given[i] && option.preset == nullptr)
      refuse(type, std::string("option '") + option.name + "' (" + option.value + ") is missing: " + option.help);
    values.push_back(given[i] ? *given[i] : option.preset);
  }
  return values;
}

// Who says that records may be retired must have all of them, on a disk.
void check_archive(const SinkPlan& plan) {
  if (plan.archive.empty()) return;
  const auto& filter = plan.filter;
  if (!filter.kinds.empty() || !filter.run.empty() || !filter.trainer.empty() || filter.every > 1)
    refuse(*plan.type, "archive: a sink that leaves records out (kinds, run, trainer, every) cannot be one");
  if (plan.type->position == TRAINBUS_SINK_LIVE) refuse(*plan.type, "archive: a sink of live records cannot be one");
  if (!plan.values.empty() && LineStream::is_one(plan.values.front()))
    refuse(*plan.type, "archive: a stream is on no disk");
  for (std::size_t i = 0; i < plan.values.size(); ++i)
    if (std::string_view(plan.type->options[i].name) == "fsync" && plan.values[i] == "never")
      refuse(*plan.type, "archive: with fsync=never nobody knows what is on the disk");
}

}  // namespace

SinkPlan plan_sink(const SinkSpec& spec, const trainbus_sink_type& type, const SinkFilter& defaults) {
  SinkPlan plan{.type = &type, .label = type.name, .values = {}, .filter = defaults};
  Given own(count_of(type.options));
  Given hosts(count_of(kHostOptions));
  if (spec.first) {
    if (own.empty()) refuse(type, "it takes no value after the colon");
    own.front() = *spec.first;
  }
  for (const auto& [name, value] : spec.options) {
    if (give(type, type.options, own, name, value)) continue;
    if (!give(type, kHostOptions, hosts, name, value))
      refuse(type, "no option '" + name + "'; there are " + names_of(type.options) + ", and of every sink " +
                       names_of(kHostOptions));
    try {
      take_host_option(plan, name, value);
    } catch (const std::invalid_argument& error) {
      refuse(type, error.what());
    }
  }
  plan.values = complete(type, own);
  check_archive(plan);
  return plan;
}

std::string SinkPlan::text() const {
  std::string text = type->name;
  if (values.empty() || type->options[0].secret == 1) return text;
  return Secrets(*this).scrub(text.append(1, ':').append(values.front()));
}

// FNV-1a.
std::string SinkPlan::hash() const {
  std::uint64_t sum = 14695981039346656037U;
  const auto add = [&](std::string_view text) {
    for (const char byte : text)
      sum = (sum ^ static_cast<unsigned char>(byte)) * 1099511628211U;
    sum *= 1099511628211U;
  };
  add(type->name);
  const Secrets secrets(*this);
  for (const auto& value : values)
    add(secrets.scrub(value));
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(sum));
  return digits;
}

void make_labels_unique(std::vector<SinkPlan>& plans) {
  std::set<std::string> taken;
  for (const auto& plan : plans)
    if (plan.label_given && !taken.insert(plan.label).second)
      throw std::invalid_argument("two sinks are called '" + plan.label + "'");
  std::set<std::string> archives;
  for (const auto& plan : plans)
    if (!plan.archive.empty() && !archives.insert(plan.archive).second)
      throw std::invalid_argument("two sinks are archive '" + plan.archive + "'");
  for (auto& plan : plans) {
    if (plan.label_given) continue;
    const auto type_name = plan.label;
    for (int number = 2; !taken.insert(plan.label).second; ++number)
      plan.label = type_name + '-' + std::to_string(number);
  }
}

}  // namespace trainbus
