#include "json_text.hpp"

#include <charconv>
#include <cmath>

namespace trainbus {
namespace {

template <class Number>
void append_digits(std::string& out, Number value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

}  // namespace

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
  } else if (value == std::trunc(value) && std::abs(value) < 1e15) {
    append_digits(out, static_cast<std::int64_t>(value));  // steps and epochs: several times faster
  } else {
    append_digits(out, value);
  }
}
void append_json_number(std::string& out, std::uint64_t value) { append_digits(out, value); }
void append_json_number(std::string& out, std::int64_t value) { append_digits(out, value); }

std::string& JsonObject::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  append_json_string(out_, name);
  out_ += ':';
  return out_;
}

JsonObject& JsonObject::add(std::string_view name, std::string_view text) {
  append_json_string(key(name), text);
  return *this;
}

JsonObject& JsonObject::add_null(std::string_view name) {
  key(name) += "null";
  return *this;
}

std::string json_error(std::string_view why) {
  std::string out;
  JsonObject(out).add("error", why);
  return out;
}

}  // namespace trainbus
