#pragma once
// The files of the sink csv: one per kept kind, and scalars.csv for the named values of all kinds. Their columns are
// record_columns(); a column never changes its meaning, new ones are added at the end.

#include <string>
#include <string_view>

#include "trainbus/record_columns.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

inline constexpr std::string_view kCsvKeyColumns = "run,trainer,incarnation,sequence,timestamp_ms";

// The header line of the kind's file, without the line end.
std::string csv_header(Kind kind);
// Appends the record's fields, without the line end. Not of kind scalars, which has rows only.
void append_csv(std::string& out, const SinkRecord& record);
// Appends a row for each named value, with line breaks between; nothing when there are none.
void append_csv_values(std::string& out, const SinkRecord& record, RecordValues& scratch);

}  // namespace trainbus
