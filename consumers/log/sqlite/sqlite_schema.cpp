#include "sqlite_schema.hpp"

#include <algorithm>

#include "schema.hpp"

namespace trainbus {
namespace {

constexpr char kTime[] = "strftime('%Y-%m-%dT%H:%M:%fZ', timestamp_ms / 1000.0, 'unixepoch') AS time";
// Every view that a version 1 made.
constexpr const char* kViewsOfVersion1[] = {
    "current_batches", "current_epochs", "command_results", "predictions", "runs",
    "trainers",        "incarnations",   "batches",         "epochs",      "perf",
    "status",          "commands",       "alerts"};

const char* sql_type(Kind kind, const Column& column) {
  if (is_number_like(kind, column)) return "NUMERIC";
  switch (column.type()) {
    case ColumnType::kInteger:
    case ColumnType::kBoolean: return "INTEGER";
    case ColumnType::kReal: return "REAL";
    default: return "TEXT";
  }
}

std::string names_of(Kind kind) {
  std::string names;
  for (const auto& column : record_columns(kind))
    names.append(names.empty() ? "" : ", ").append(column.name());
  if (has_nan_column(kind)) names.append(", ").append(kNanColumn);
  return names;
}

std::string table_of(Kind kind) {
  auto sql =
      "CREATE TABLE IF NOT EXISTS " + sqlite_row_table(kind) +
      "(\n  life INTEGER NOT NULL REFERENCES lives, sequence INTEGER NOT NULL, timestamp_ms INTEGER NOT NULL,\n ";
  for (const auto& column : sqlite_columns(kind))
    sql.append(" ").append(column).append(",");
  return sql + "\n  PRIMARY KEY(life, sequence)) WITHOUT ROWID;\n";
}

// A row a record.
std::string view_of(Kind kind) {
  return "CREATE VIEW " + std::string(record_table_name(kind)) +
         " AS\n  SELECT run, trainer, incarnation, sequence, timestamp_ms, " + kTime + ",\n         " + names_of(kind) +
         "\n  FROM lives JOIN " + sqlite_row_table(kind) + " USING(life);\n";
}

// The rows that no later incarnation did again, with their place on the one curve of the trainer. CROSS JOIN: each
// incarnation's bounds are looked up once, not for each row.
std::string current_view_of(Kind kind, const std::string& name, const std::string& step,
                            const std::string& is_current) {
  return "CREATE VIEW " + name + " AS\n  SELECT run, trainer, incarnation, first_step + " + step +
         " AS total_step, sequence, timestamp_ms, " + kTime + ",\n         " + names_of(kind) +
         "\n  FROM lives CROSS JOIN curve USING(life) CROSS JOIN " + sqlite_row_table(kind) + " USING(life)\n  WHERE " +
         is_current + ";\n";
}

std::string made_views() {
  std::string sql;
  for (const auto kind : kKeptKinds)
    if (kind != v1::KIND_SCALARS) sql += view_of(kind);
  // Who says no step is counted by its records.
  sql += current_view_of(v1::KIND_BATCH, "current_batches", "coalesce(step, sequence)",
                         "ends_step IS NULL OR first_step + coalesce(step, sequence) <= ends_step");
  sql += current_view_of(v1::KIND_EPOCH, "current_epochs", "step",
                         "ends_step IS NULL OR iif(step IS NULL, (epoch << 32) + 0xffffffff < ends_place,"
                         " first_step + step <= ends_step)");
  return sql;
}

// coalesce(total_epochs, ...): not NULL in a row that has a plan.
std::string plan_is_there() {
  std::string names;
  for (const auto& column : record_columns(v1::KIND_STATUS))
    if (is_of_plan(column)) names.append(names.empty() ? "" : ", ").append(column.name());
  return "coalesce(" + names + ") IS NOT NULL";
}

std::string derived() {
  std::string sql = kSqliteSchema;
  const std::string mark = "$plan_is_there";
  for (auto at = sql.find(mark); at != std::string::npos; at = sql.find(mark))
    sql.replace(at, mark.size(), plan_is_there());
  return sql;
}

}  // namespace

std::string sqlite_row_table(Kind kind) { return std::string(kind_name(kind)) + "_rows"; }

bool has_nan_column(Kind kind) {
  return std::ranges::any_of(record_columns(kind),
                             [](const Column& column) { return column.type() == ColumnType::kReal; });
}

bool is_number_like(Kind kind, const Column& column) {
  return kind == v1::KIND_COMMAND && (column.name() == "value" || column.name().ends_with("_value"));
}

std::vector<std::string> sqlite_columns(Kind kind) {
  std::vector<std::string> columns;
  for (const auto& column : record_columns(kind))
    columns.push_back(column.name() + ' ' + sql_type(kind, column));
  if (has_nan_column(kind)) columns.push_back(std::string(kNanColumn) + " TEXT");
  return columns;
}

std::string sqlite_insert(Kind kind) {
  auto sql = "INSERT OR IGNORE INTO " + sqlite_row_table(kind) + "(life, sequence, timestamp_ms, " + names_of(kind) +
             ") VALUES(?,?,?";
  for (std::size_t i = 0; i < sqlite_columns(kind).size(); ++i)
    sql += ",?";
  return sql + ')';
}

std::string sqlite_schema() {
  std::string sql;
  for (const auto kind : kKeptKinds)
    sql += table_of(kind);
  return sql + made_views() + derived();
}

std::string sqlite_upgrade() {
  std::string sql;
  for (const auto* view : kViewsOfVersion1)
    sql.append("DROP VIEW IF EXISTS ").append(view).append(";\n");
  sql += "UPDATE command_rows SET type = CASE type";
  for (const auto& [word, name] : {std::pair{"pause", "PAUSE_TRAINING"},
                                   {"resume", "RESUME_TRAINING"},
                                   {"stop", "STOP_TRAINING"},
                                   {"set-batch-size", "ADJUST_BATCH_SIZE"},
                                   {"set-lr", "CHANGE_LEARNING_RATE"},
                                   {"unknown", "UNKNOWN_COMMAND"}})
    sql.append(" WHEN '").append(word).append("' THEN '").append(name).append("'");
  return sql + " ELSE type END;\n" + sqlite_schema();
}

}  // namespace trainbus
