#pragma once
// The tables of kept records: one per kind, a row per record. README.md lists their columns.

#include <span>
#include <string>

#include "trainbus/sink.hpp"

namespace trainbus {

struct RecordTable {
  Kind kind;
  const char* name;
  // After run, trainer, incarnation, sequence and timestamp_ms, which every table begins with: "step bigint, ...".
  const char* columns;

  // "run,trainer,...,step,...": of all columns.
  std::string column_names() const;
  // "run text NOT NULL, ...": what stands between the parentheses of CREATE TABLE.
  std::string definition() const;
};

// In the order in which they are written.
std::span<const RecordTable> record_tables();

// Appends the record as one line of COPY to the table of its kind.
void append_copy_line(std::string& out, const SinkRecord& record);

}  // namespace trainbus
