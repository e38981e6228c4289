#pragma once
// Members of a JSON object, one after another. Not installed: what it writes is in trainer_json.hpp.

#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "trainbus/record_json.hpp"  // append_json_string
#include "trainbus/text.hpp"

namespace trainbus {

// What JSON has no number for is the string of number_text: "NaN", "Infinity", "-Infinity".
inline void append_json_value(std::string& out, double value) {
  if (!std::isfinite(value)) return append_json_string(out, number_text(value));
  char digits[32];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}
template <std::integral Integer>
void append_json_value(std::string& out, Integer value) {
  if constexpr (std::same_as<Integer, bool>)
    out += value ? "true" : "false";
  else
    out += std::to_string(value);
}
inline void append_json_value(std::string& out, std::string_view text) { append_json_string(out, text); }
inline void append_json_value(std::string& out, const std::string& text) { append_json_string(out, text); }
// Not said: null.
template <class Value>
void append_json_value(std::string& out, const std::optional<Value>& value) {
  if (value)
    append_json_value(out, *value);
  else
    out += "null";
}

// Writes `"name":value` with commas between; braces are the caller's. Valid while `out` is.
class JsonMembers {
 public:
  explicit JsonMembers(std::string& out) : out_(out) {}

  // Writes the name; the caller writes the value to what it gets.
  std::string& key(std::string_view name) {
    if (!std::exchange(first_, false)) out_ += ',';
    append_json_string(out_, name);
    out_ += ':';
    return out_;
  }
  template <class Value>
  JsonMembers& add(std::string_view name, const Value& value) {
    append_json_value(key(name), value);
    return *this;
  }
  // {"NAME":VALUE,...} of pairs.
  template <class Pairs>
  JsonMembers& add_object(std::string_view name, const Pairs& pairs) {
    std::string& out = key(name);
    out += '{';
    JsonMembers members(out);
    for (const auto& [each, value] : pairs)
      members.add(each, value);
    out += '}';
    return *this;
  }
  // [...] with write(item) for each.
  template <class Items, class Write>
  JsonMembers& add_array(std::string_view name, const Items& items, const Write& write) {
    std::string& out = key(name);
    out += '[';
    bool first = true;
    for (const auto& item : items) {
      if (!std::exchange(first, false)) out += ',';
      write(out, item);
    }
    out += ']';
    return *this;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace trainbus
