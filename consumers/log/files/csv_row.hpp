#pragma once
// Writes the fields of one CSV record, quoted by RFC 4180: a field with a comma, a quote or a line break is put in
// quotes, a quote within it doubled. The line end is the file's business.

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace trainbus {

class CsvRow {
 public:
  // Appends to `out`, which must outlive this.
  explicit CsvRow(std::string& out) : out_(out) {}

  CsvRow& text(std::string_view value);
  // The shortest digits that read back the same; nan, inf and -inf by these names.
  CsvRow& number(double value);
  CsvRow& number(float value);
  CsvRow& number(std::integral auto value) { return text(std::to_string(value)); }
  // A value that is not there: an empty field.
  CsvRow& none() { return text({}); }
  // `count` fields that are not there.
  CsvRow& none(int count);

 private:
  std::string& out_;
  bool first_ = true;
};

// Appends a number as CsvRow writes it.
void append_csv_number(std::string& out, double value);
void append_csv_number(std::string& out, float value);
void append_csv_number(std::string& out, std::int64_t value);

// Bytes of the first record of `text`, its line end included (line breaks within quotes are part of it);
// npos when it is not complete.
std::size_t csv_record_size(std::string_view text);

}  // namespace trainbus
