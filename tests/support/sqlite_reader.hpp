#pragma once
// A SQLite file as somebody else reads it.

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

namespace trainbus::test {

using SqliteRows = std::vector<std::vector<std::string>>;

// Each value as text, NULL as "-". An error is a failure of the test.
inline SqliteRows sqlite_rows(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  sqlite3_busy_timeout(raw, 5000);
  SqliteRows found;
  char* error = nullptr;
  const auto take = [](void* to, int count, char** values, char**) {
    auto& row = static_cast<SqliteRows*>(to)->emplace_back();
    for (int i = 0; i < count; ++i)
      row.emplace_back(values[i] == nullptr ? "-" : values[i]);
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), take, &found, &error), SQLITE_OK) << error << " in " << sql;
  sqlite3_free(error);
  sqlite3_close(raw);
  return found;
}

}  // namespace trainbus::test
