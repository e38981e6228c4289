#pragma once
// The tables of kept records: one per kind with a row a record, scalars with a row a named value, media_images with a
// row a picture. The columns of the kinds are record_columns().

#include <map>
#include <string>
#include <vector>

#include "trainbus/record_columns.hpp"
#include "trainbus/sink.hpp"

namespace trainbus {

struct RecordTable {
  std::string name;
  std::vector<std::string> columns;  // "step bigint", ..., the key first
  std::string key;                   // names

  // "run,trainer,...,step,...": of all columns.
  std::string column_names() const;
  // What stands between the parentheses of CREATE TABLE.
  std::string definition() const;
};

// In the order in which they are written.
const std::vector<RecordTable>& record_tables();

// Lines of COPY, by the name of their table.
using TableLines = std::map<std::string, std::string>;
// Appends the record's rows; the bytes that it added.
std::size_t append_copy_lines(TableLines& lines, const SinkRecord& record, const std::string& site);

}  // namespace trainbus
