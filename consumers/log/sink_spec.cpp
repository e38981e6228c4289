#include "sink_spec.hpp"

#include <stdexcept>

namespace trainbus {
namespace {

// The items between the commas, without the backslash of each `\,`.
std::vector<std::string> items_of(std::string_view text) {
  std::vector<std::string> items(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',';
    if (escaped)
      items.back() += text[++i];
    else if (text[i] == ',')
      items.emplace_back();
    else
      items.back() += text[i];
  }
  return items;
}

// What may stand before the first `=`: anything else is a value that has one in it, as URLs do.
bool is_option_name(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

}  // namespace

SinkSpec parse_sink_spec(std::string_view text) {
  const auto colon = text.find(':');
  SinkSpec spec{.type = std::string(text.substr(0, colon)), .first = {}, .options = {}};
  if (spec.type.empty()) throw std::invalid_argument("name a sink, for example jsonl:runs.jsonl");
  if (colon == std::string_view::npos || colon + 1 == text.size()) return spec;
  for (auto& item : items_of(text.substr(colon + 1))) {
    const auto equals = item.find('=');
    if (equals != std::string::npos && is_option_name(std::string_view(item).substr(0, equals)))
      spec.options.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    else if (!spec.first && spec.options.empty() && !item.empty())
      spec.first = std::move(item);
    else
      throw std::invalid_argument(spec.type + ": item " + std::to_string(spec.options.size() + (spec.first ? 2 : 1)) +
                                  " is not key=value; a comma within a value is written \\,");
  }
  return spec;
}

}  // namespace trainbus
