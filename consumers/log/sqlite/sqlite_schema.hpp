#pragma once
// The tables and views of a file. What holds records as they are comes from record_columns(); the rest is schema.sql.

#include <string>
#include <vector>

#include "trainbus/record_columns.hpp"

namespace trainbus {

// "batch_rows": the table of the kind's records.
std::string sqlite_row_table(Kind kind);
// The column beside those of record_columns() that lists the reals which are not a number; kinds without reals have
// none. SQLite has no NaN, and NULL is what was not said.
inline constexpr char kNanColumn[] = "nan";
bool has_nan_column(Kind kind);
// True for a text that SQLite may store and compare as a number: the values of a command.
bool is_number_like(Kind kind, const Column& column);

// "INSERT OR IGNORE INTO batch_rows(life,sequence,...) VALUES(?,?,...)".
std::string sqlite_insert(Kind kind);

// All statements for a file that has none of the tables and views.
std::string sqlite_schema();
// The columns of the kind's table, each as "name TYPE": what ALTER TABLE adds where it is missing.
std::vector<std::string> sqlite_columns(Kind kind);
// From the tables of version 1 with all their columns to this one: the words of commands, and the views anew.
std::string sqlite_upgrade();

}  // namespace trainbus
