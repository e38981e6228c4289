#include "sink_site.hpp"

#include <algorithm>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::string_view kMark = "{site}";

bool replace(std::string& text, const std::string& site) {
  bool found = false;
  for (auto at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + site.size())) {
    text.replace(at, kMark.size(), site);
    found = true;
  }
  return found;
}

bool has_option(const trainbus_sink_type& type, std::string_view name) {
  for (const auto* option = type.options; option->name != nullptr; ++option)
    if (option->name == name) return true;
  return false;
}

}  // namespace

SinkSpec sink_at_site(SinkSpec spec, const trainbus_sink_type& type, const std::string& site) {
  bool apart = spec.first && replace(*spec.first, site);
  for (auto& option : spec.options)
    apart = replace(option.second, site) || apart;
  const bool keyed = has_option(type, "site");
  const bool said = std::ranges::any_of(spec.options, [](const auto& option) { return option.first == "site"; });
  if (keyed && !said) spec.options.emplace_back("site", site);
  if (!apart && (!keyed || said))
    throw std::invalid_argument(std::string(type.name) +
                                ": with several brokers a value must have {site}, as jsonl:{site}.jsonl");
  return spec;
}

void add_site_to_label(SinkPlan& plan, const std::string& site) {
  constexpr std::size_t kMost = 60;  // a label is a part of a trainer's name
  plan.label += '-' + site;
  if (plan.label.size() > kMost)
    throw std::invalid_argument("the name '" + plan.label + "' has more than " + std::to_string(kMost) + " characters");
}

}  // namespace trainbus
