#include "csv_row.hpp"

#include <charconv>
#include <cmath>

namespace trainbus {
namespace {

template <typename Float>
std::string_view shortest(Float value, std::span<char> buffer) {
  // to_chars would write "-nan" for one whose sign bit is set, as 0/0 gives on x86.
  if (std::isnan(value)) return "nan";
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

}  // namespace

CsvRow& CsvRow::text(std::string_view value) {
  if (!first_) out_ += ',';
  first_ = false;
  if (value.find_first_of(",\"\r\n") == std::string_view::npos) {
    out_ += value;
    return *this;
  }
  out_ += '"';
  for (const char byte : value) {
    if (byte == '"') out_ += '"';
    out_ += byte;
  }
  out_ += '"';
  return *this;
}

CsvRow& CsvRow::number(double value) {
  char buffer[32];
  return text(shortest(value, buffer));
}

CsvRow& CsvRow::number(float value) {
  char buffer[32];
  return text(shortest(value, buffer));
}

CsvRow& CsvRow::none(int count) {
  for (int i = 0; i < count; ++i)
    none();
  return *this;
}

void append_csv_number(std::string& out, double value) {
  char buffer[32];
  out += shortest(value, buffer);
}

void append_csv_number(std::string& out, float value) {
  char buffer[32];
  out += shortest(value, buffer);
}

void append_csv_number(std::string& out, std::int64_t value) { out += std::to_string(value); }

std::size_t csv_record_size(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) return i + 1;
  }
  return std::string_view::npos;
}

}  // namespace trainbus
