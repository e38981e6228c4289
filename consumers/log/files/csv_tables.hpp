#pragma once
// The columns of the CSV files, one table per kept kind. README.md documents them; a column never changes its
// meaning, new ones are added at the end.

#include <span>
#include <string>
#include <string_view>

#include "trainbus/sink.hpp"

namespace trainbus {

struct CsvTable {
  Kind kind;
  std::string_view columns;  // after kCsvKeyColumns
};

inline constexpr std::string_view kCsvKeyColumns = "run,trainer,incarnation,sequence,timestamp_ms";

std::span<const CsvTable> csv_tables();
// Appends the fields of `record`, without the line end.
void append_csv(std::string& out, const SinkRecord& record);

}  // namespace trainbus
