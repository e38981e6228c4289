#include "record_tables.hpp"

#include "copy_line.hpp"

namespace trainbus {
namespace {

constexpr const char* kKey[] = {"site text COLLATE \"C\" NOT NULL DEFAULT ''", "run text COLLATE \"C\" NOT NULL",
                                "trainer text COLLATE \"C\" NOT NULL", "incarnation bigint NOT NULL",
                                "sequence bigint NOT NULL"};

std::string sql_type(const Column& column) {
  switch (column.type()) {
    case ColumnType::kInteger: return column.is_wide() ? "bigint" : "integer";
    case ColumnType::kReal: return "double precision";
    case ColumnType::kBoolean: return "boolean";
    case ColumnType::kText: return "text";
    case ColumnType::kIntegers: return "integer[]";
    case ColumnType::kReals: return column.is_wide() ? "double precision[]" : "real[]";
    case ColumnType::kTexts: return "text[]";
    case ColumnType::kJson: return "jsonb";
  }
  return "text";
}

RecordTable table_of(Kind kind) {
  RecordTable table{std::string(record_table_name(kind)),
                    {std::begin(kKey), std::end(kKey)},
                    "site, run, trainer, incarnation, sequence"};
  table.columns.emplace_back("timestamp_ms bigint NOT NULL");
  for (const auto& column : record_columns(kind))
    table.columns.push_back(column.name() + ' ' + sql_type(column));
  return table;
}

RecordTable values_table() {
  RecordTable table{
      "scalars", {std::begin(kKey), std::end(kKey)}, "site, run, trainer, incarnation, name, kind, sequence"};
  for (const char* column : {"timestamp_ms bigint NOT NULL", "kind text COLLATE \"C\" NOT NULL", "step bigint",
                             "epoch integer", "name text COLLATE \"C\" NOT NULL", "value double precision NOT NULL"})
    table.columns.emplace_back(column);
  return table;
}

RecordTable images_table() {
  RecordTable table{
      "media_images", {std::begin(kKey), std::end(kKey)}, "site, run, trainer, incarnation, sequence, item"};
  for (const char* column : {"item integer NOT NULL", "caption text", "format text", "width integer", "height integer",
                             "channels integer", "image bytea"})
    table.columns.emplace_back(column);
  return table;
}

CopyLine begin_line(std::string& out, const SinkRecord& record, const std::string& site) {
  CopyLine line(out);
  line.text(site).text(record.run()).text(record.trainer()).number(record.incarnation()).number(record.sequence());
  return line;
}

void append_list(CopyLine& line, const ColumnList& list) {
  std::vector<ColumnItem> items;
  for (int i = 0; i < list.size(); ++i)
    items.push_back(list[i]);
  line.array(items, [&](const ColumnItem& item) {
    std::visit(
        [&](const auto& value) {
          using Value = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<Value, std::string_view>)
            line.append_quoted(value);
          else if constexpr (std::is_floating_point_v<Value>)
            line.append_real(value);
          else
            line.append_number(value);
        },
        item);
  });
}

struct Field {
  CopyLine& line;
  const Column& column;
  void operator()(std::monostate) const { line.none(); }
  void operator()(bool value) const { line.boolean(value); }
  void operator()(std::int64_t value) const { line.number(value); }
  void operator()(std::uint64_t value) const { line.number(value); }
  void operator()(double value) const { line.number(value); }
  void operator()(float value) const { line.number(value); }
  void operator()(std::string_view value) const { line.text(value); }
  void operator()(const ColumnList& list) const { append_list(line, list); }
  void operator()(const std::string& made) const {
    column.type() == ColumnType::kJson ? line.json(made) : line.text(made);
  }
};

void append_record(std::string& out, Kind kind, const SinkRecord& record, const std::string& site) {
  auto line = begin_line(out, record, site);
  line.number(record.timestamp_ms());
  const auto& payload = record_payload(kind, record.message());
  for (const auto& column : record_columns(kind))
    std::visit(Field{line, column}, column.value(payload));
  line.end();
}

void append_values(std::string& out, const SinkRecord& record, const std::string& site) {
  thread_local RecordValues set;
  read_named_values(record.message(), set);
  for (const auto& [name, value] : set.values) {
    auto line = begin_line(out, record, site);
    line.number(record.timestamp_ms()).text(record.kind());
    set.step ? line.number(*set.step) : line.none();
    set.epoch ? line.number(*set.epoch) : line.none();
    line.text(name).number(value).end();
  }
}

void append_images(std::string& out, const SinkRecord& record, const std::string& site) {
  const auto& set = record.message().media_data().images();
  for (int i = 0; i < set.images_size(); ++i) {
    const auto& image = set.images(i);
    auto line = begin_line(out, record, site);
    line.number(i);
    const bool has_caption = i < set.captions_size() && !set.captions(i).empty();
    has_caption ? line.text(set.captions(i)) : line.none();
    line.text(image.format()).number(image.width()).number(image.height()).number(image.channels());
    line.bytes(image.image_bytes()).end();
  }
}

}  // namespace

std::string RecordTable::column_names() const {
  std::string names;
  for (const auto& column : columns)
    names.append(names.empty() ? "" : ",").append(column.substr(0, column.find(' ')));
  return names;
}

std::string RecordTable::definition() const {
  std::string text;
  for (const auto& column : columns)
    text += column + ", ";
  return text + "PRIMARY KEY (" + key + ')';
}

const std::vector<RecordTable>& record_tables() {
  static const auto kTables = [] {
    std::vector<RecordTable> tables;
    for (const auto kind : kKeptKinds)
      if (kind != v1::KIND_SCALARS) tables.push_back(table_of(kind));
    tables.push_back(values_table());
    tables.push_back(images_table());
    return tables;
  }();
  return kTables;
}

std::size_t append_copy_lines(TableLines& lines, const SinkRecord& record, const std::string& site) {
  std::size_t added = 0;
  const auto append = [&](const std::string& table, auto&& rows) {
    auto& out = lines[table];
    const auto before = out.size();
    rows(out);
    added += out.size() - before;
  };
  const auto kind = kind_from_name(record.kind());
  if (kind != v1::KIND_SCALARS)
    append(std::string(record_table_name(kind)), [&](std::string& out) { append_record(out, kind, record, site); });
  if (has_named_values(kind)) append("scalars", [&](std::string& out) { append_values(out, record, site); });
  if (kind == v1::KIND_MEDIA) append("media_images", [&](std::string& out) { append_images(out, record, site); });
  return added;
}

}  // namespace trainbus
