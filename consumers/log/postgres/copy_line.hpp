#pragma once
// One row in the text form of PostgreSQL's COPY: fields with tabs between, \N for NULL, a line break at the end.

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace trainbus {

// Appends to a buffer of lines, one field after the other, then end(). Every value of the schema has a form that the
// server takes: a 0 byte, which it has no text for, becomes U+FFFD; an unsigned number beyond 2^63 wraps to a negative.
class CopyLine {
 public:
  explicit CopyLine(std::string& out) : out_(out) {}

  CopyLine& text(std::string_view value) {
    separate();
    append_escaped(value);
    return *this;
  }
  CopyLine& number(std::integral auto value) {
    separate();
    append_number(static_cast<std::int64_t>(value));
    return *this;
  }
  CopyLine& number(double value) {
    separate();
    append_real(value);
    return *this;
  }
  CopyLine& number(float value) {
    separate();
    append_real(value);
    return *this;
  }
  CopyLine& boolean(bool value) { return text(value ? "t" : "f"); }
  CopyLine& none(int fields = 1) {
    for (; fields > 0; --fields) {
      separate();
      out_ += "\\N";
    }
    return *this;
  }
  // An array: one element for each item, made by `append(item)`, which calls one of the append functions below.
  template <typename Items, typename Append>
  CopyLine& array(const Items& items, Append append) {
    separate();
    out_ += '{';
    for (auto item = items.begin(); item != items.end(); ++item) {
      if (item != items.begin()) out_ += ',';
      append(*item);
    }
    out_ += '}';
    return *this;
  }
  // JSON text. jsonb takes no \u0000: that becomes U+FFFD too.
  CopyLine& json(std::string_view text) {
    separate();
    std::string taken;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool is_zero = text.substr(i, 6) == "\\u0000";
      if (is_zero) i += 5;
      taken += is_zero ? std::string_view("\\ufffd") : text.substr(i, 1);
      if (!is_zero && text[i] == '\\' && i + 1 < text.size()) taken += text[++i];
    }
    append_escaped(taken);
    return *this;
  }
  CopyLine& bytes(std::string_view value) {
    separate();
    out_ += "\\\\x";
    for (const char each : value) {
      out_ += "0123456789abcdef"[static_cast<unsigned char>(each) >> 4];
      out_ += "0123456789abcdef"[each & 15];
    }
    return *this;
  }
  void end() { out_ += '\n'; }

  void append_number(std::int64_t value) { append_digits(value); }
  template <std::floating_point Real>
  void append_real(Real value) {
    if (std::isfinite(value))
      append_digits(value);
    else
      out_ += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  }
  // Text as an element of an array: quoted for the array, then escaped for COPY.
  void append_quoted(std::string_view value) {
    std::string quoted = "\"";
    for (const char each : value) {
      if (each == '"' || each == '\\') quoted += '\\';
      quoted += each;
    }
    append_escaped(quoted += '"');
  }

 private:
  void separate() {
    if (!first_) out_ += '\t';
    first_ = false;
  }
  template <typename Number>
  void append_digits(Number value) {
    char digits[32];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  void append_escaped(std::string_view value) {
    for (const char each : value) {
      switch (each) {
        case '\\': out_ += "\\\\"; break;
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        case '\0': out_ += "\uFFFD"; break;
        default: out_ += each;
      }
    }
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace trainbus
