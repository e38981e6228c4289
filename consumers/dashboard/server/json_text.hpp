#pragma once
// Writes JSON into a string, member by member: the answers are large and frequent, and their shape is known.
// Texts are UTF-8 already (protobuf checked them); a number that is not finite becomes null.

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "trainbus/record_json.hpp"  // append_json_string

namespace trainbus {

void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, std::uint64_t value);
void append_json_number(std::string& out, std::int64_t value);

// One object: opened by the constructor, closed by the destructor.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  ~JsonObject() { out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  // Writes the name; the caller writes the value to what it gets.
  std::string& key(std::string_view name);

  JsonObject& add(std::string_view name, std::string_view text);
  JsonObject& add(std::string_view name, const char* text) { return add(name, std::string_view(text)); }
  JsonObject& add_null(std::string_view name);
  template <class Number>
  requires std::is_arithmetic_v<Number> JsonObject& add(std::string_view name, Number value) {
    std::string& out = key(name);
    if constexpr (std::is_same_v<Number, bool>) {
      out += value ? "true" : "false";
    } else if constexpr (std::is_floating_point_v<Number>) {
      append_json_number(out, static_cast<double>(value));
    } else if constexpr (std::is_signed_v<Number>) {
      append_json_number(out, static_cast<std::int64_t>(value));
    } else {
      append_json_number(out, static_cast<std::uint64_t>(value));
    }
    return *this;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

// `[…]` with one call of `write(item)` per item.
template <class Items, class Write>
void append_json_array(std::string& out, const Items& items, Write write) {
  out += '[';
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    write(item);
  }
  out += ']';
}

// {"error":"one line"}
std::string json_error(std::string_view why);

}  // namespace trainbus
