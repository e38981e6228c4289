#include "yaml_map.hpp"

#include <algorithm>
#include <sstream>

#include "rules_file.hpp"
#include "text_forms.hpp"

namespace trainbus {
namespace {

// "a b c" -> "a, b, c"
std::string listed(const std::string& words) {
  std::string list;
  std::istringstream in(words);
  for (std::string word; in >> word;)
    list += (list.empty() ? "" : ", ") + word;
  return list;
}

bool among(const std::string& words, const std::string& word) {
  std::istringstream in(words);
  for (std::string each; in >> each;)
    if (each == word) return true;
  return false;
}

}  // namespace

void YamlPlace::fail(const YAML::Mark& mark, const std::string& what) const {
  const bool nowhere = mark.is_null();  // an empty file
  throw RulesError(file_ + ':' + std::to_string(nowhere ? 1 : mark.line + 1) + ':' +
                   std::to_string(nowhere ? 1 : mark.column + 1) + ": " + printable(what));
}

std::string shown(const YAML::Node& node) {
  constexpr std::size_t kShown = 60;
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a mapping";
  if (!node.IsScalar()) return "nothing";
  const auto& text = node.Scalar();
  return '\'' + (text.size() > kShown ? text.substr(0, kShown) + "..." : text) + '\'';
}

YamlMap::YamlMap(const YamlPlace& place, const YAML::Node& node, const std::string& what, const std::string& keys)
    : place_(place), node_(node) {
  if (!node.IsMap()) place.fail(node, what + " is " + shown(node) + "; allowed: a mapping of " + listed(keys));
  for (const auto& entry : node) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string{};
    if (!keys.empty() && !among(keys, key))
      place.fail(entry.first, what + " has no key " + shown(entry.first) + "; allowed: " + listed(keys));
    if (has(key))
      place.fail(entry.first, "key " + shown(entry.first) + " is there twice in " + what + "; allowed: once");
    entries_.emplace_back(key, entry.second);
  }
}

const YAML::Node* YamlMap::find(std::string_view key) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  return found == entries_.end() ? nullptr : &found->second;
}

std::string YamlMap::text(std::string_view key, const std::string& allowed) const {
  const auto& node = at(key);
  if (!node.IsScalar() || node.Scalar().empty()) fail(key, allowed);
  return node.Scalar();
}

std::vector<std::string> YamlMap::texts(std::string_view key, const std::string& allowed, bool may_be_empty) const {
  const auto& node = at(key);
  if (!node.IsSequence()) return {text(key, allowed)};
  std::vector<std::string> texts;
  for (const auto& element : node) {
    if (!element.IsScalar() || element.Scalar().empty())
      place_.fail(element, '\'' + std::string(key) + "' holds " + shown(element) + "; allowed: " + allowed);
    texts.push_back(element.Scalar());
  }
  if (texts.empty() && !may_be_empty)
    place_.fail(node, '\'' + std::string(key) + "' is an empty list; allowed: " + allowed);
  return texts;
}

void YamlMap::fail(std::string_view key, const std::string& allowed) const {
  place_.fail(at(key), '\'' + std::string(key) + "' is " + shown(at(key)) + "; allowed: " + allowed);
}

}  // namespace trainbus
