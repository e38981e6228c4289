#pragma once
// The columns of the CSV files, one table per kept kind. README.md documents them; a column never changes its
// meaning, new ones are added at the end.

#include <span>
#include <string>
#include <string_view>

#include "trainbus/consumer.hpp"

namespace trainbus {

struct CsvTable {
  Kind kind;
  std::string_view columns;  // after kCsvKeyColumns
};

inline constexpr std::string_view kCsvKeyColumns = "run,trainer,incarnation,sequence,timestamp_ms";

std::span<const CsvTable> csv_tables();
// Appends the record of `record`'s table, line end included.
void append_csv(std::string& out, const Record& record);

}  // namespace trainbus
