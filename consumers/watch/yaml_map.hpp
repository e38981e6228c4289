#pragma once
// A mapping of a YAML file, read strictly: each key is known and there once, each error has its place.

#include <yaml-cpp/yaml.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trainbus {

// Where errors are said to be. Throws RulesError.
class YamlPlace {
 public:
  explicit YamlPlace(std::string file) : file_(std::move(file)) {}
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const;
  [[noreturn]] void fail(const YAML::Node& node, const std::string& what) const { fail(node.Mark(), what); }

 private:
  std::string file_;
};

// A value as an error shows it: quoted and cut, or "a list", "a mapping", "nothing".
std::string shown(const YAML::Node& node);

class YamlMap {
 public:
  // `what` names the mapping in errors: "a rule", "channel 'team'". Fails on what is no mapping, on a key that is not
  // among `keys` (separated by blanks), and on one that is there twice.
  YamlMap(const YamlPlace& place, const YAML::Node& node, const std::string& what, const std::string& keys);

  bool has(std::string_view key) const { return find(key) != nullptr; }
  // Needs has(key).
  const YAML::Node& at(std::string_view key) const { return *find(key); }
  YAML::Mark mark() const { return node_.Mark(); }

  // A text that is not empty; `allowed` says in an error what is.
  std::string text(std::string_view key, const std::string& allowed) const;
  // A text or a list of at least one.
  std::vector<std::string> texts(std::string_view key, const std::string& allowed, bool may_be_empty = false) const;
  // The text, read by `parse`; `fallback` when the key is absent.
  template <class Value>
  Value value(std::string_view key, Value fallback, const std::string& allowed,
              const std::function<std::optional<Value>(const std::string&)>& parse) const {
    if (!has(key)) return fallback;
    auto parsed = parse(text(key, allowed));
    if (!parsed) fail(key, allowed);
    return *std::move(parsed);
  }
  // "'KEY' is VALUE; allowed: ALLOWED", at the value.
  [[noreturn]] void fail(std::string_view key, const std::string& allowed) const;

 private:
  const YAML::Node* find(std::string_view key) const;

  const YamlPlace& place_;
  YAML::Node node_;
  std::vector<std::pair<std::string, YAML::Node>> entries_;
};

}  // namespace trainbus
