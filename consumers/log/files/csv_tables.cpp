#include "csv_tables.hpp"

#include "csv_row.hpp"

namespace trainbus {
namespace {

// A list in one field: its items with | between.
std::string joined(const ColumnList& list) {
  std::string text;
  for (int i = 0; i < list.size(); ++i) {
    if (i > 0) text += '|';
    std::visit(
        [&](const auto& item) {
          if constexpr (std::is_same_v<std::decay_t<decltype(item)>, std::string_view>)
            text += item;
          else
            append_csv_number(text, item);
        },
        list[i]);
  }
  return text;
}

struct Field {
  CsvRow& row;
  void operator()(std::monostate) const { row.none(); }
  void operator()(bool value) const { row.text(value ? "true" : "false"); }
  void operator()(std::int64_t value) const { row.number(value); }
  void operator()(std::uint64_t value) const { row.number(value); }
  void operator()(double value) const { row.number(value); }
  void operator()(float value) const { row.number(value); }
  void operator()(std::string_view value) const { row.text(value); }
  void operator()(const ColumnList& list) const { row.text(joined(list)); }
  void operator()(const std::string& json) const { row.text(json); }
};

void append_key(CsvRow& row, const SinkRecord& record) {
  row.text(record.run()).text(record.trainer());
  row.number(record.incarnation()).number(record.sequence()).number(record.timestamp_ms());
}

}  // namespace

std::string csv_header(Kind kind) {
  std::string header(kCsvKeyColumns);
  if (kind == v1::KIND_SCALARS) return header + ",kind,step,epoch,name,value";
  for (const auto& column : record_columns(kind))
    header.append(1, ',').append(column.name());
  return header;
}

void append_csv(std::string& out, const SinkRecord& record) {
  const auto kind = kind_from_name(record.kind());
  const auto& payload = record_payload(kind, record.message());
  CsvRow row(out);
  append_key(row, record);
  for (const auto& column : record_columns(kind))
    std::visit(Field{row}, column.value(payload));
}

void append_csv_values(std::string& out, const SinkRecord& record, RecordValues& scratch) {
  read_named_values(record.message(), scratch);
  for (const auto& [name, value] : scratch.values) {
    if (&name != &scratch.values.front().name) out += '\n';
    CsvRow row(out);
    append_key(row, record);
    row.text(record.kind());
    scratch.step ? row.number(*scratch.step) : row.none();
    scratch.epoch ? row.number(*scratch.epoch) : row.none();
    row.text(name).number(value);
  }
}

}  // namespace trainbus
