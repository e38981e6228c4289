#include "broker/journal_healing.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "broker/block_table.hpp"
#include "broker/journal.hpp"
#include "broker/journal_schema.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

struct Table {
  const char* name;
  const char* columns;  // the first is its key, or the first of its key
  bool by_number;       // the key is a number by which rows are found one by one
};

constexpr Table kTables[] = {{"segments", "position,last_position,streams,checksum", true},
                             {"streams", StreamRows::kColumns, true},
                             {"lost", "stream,first_sequence,last_sequence", false},
                             {"incarnations", "session,incarnation,heard_order,first_heard_ms,visibility", false},
                             {"own", "stream,position", false},
                             {"state", "name,value", false}};

class Healing {
 public:
  Healing(sqlite3* database, const std::string& path) : database_(database), path_(path) {}

  void run() {
    std::vector<const Table*> broken;
    for (const auto& table : kTables)
      if (!whole(table)) broken.push_back(&table);
    if (broken.empty()) return;
    for (const auto* table : broken) {
      make_anew(*table);
      spdlog::error("journal '{}': its table '{}' is damaged; it was made anew from what can be read", path_,
                    table->name);
    }
    blocks_ = BlockTable(database_);
    restore_state();
    find_missing_segments();
    blocks_.release();
    find_missing_streams();
  }

 private:
  bool whole(const Table& table) {
    try {
      const std::string name(table.name);
      Statement(database_, "SELECT count(*) FROM " + name + " NOT INDEXED").run();
      if (name == "streams") Statement(database_, "SELECT count(*) FROM streams WHERE session>''").run();
      return true;
    } catch (const SqliteError& error) {
      if (!is_damage(error)) throw;
      return false;
    }
  }

  void make_anew(const Table& table) {
    const std::string name(table.name);
    const auto rows = table.by_number ? rows_by_number(table) : rows_from_both_ends(table);
    const std::string old = "damaged_" + name + "_" + std::to_string(unix_ms());
    execute(database_, "BEGIN IMMEDIATE");
    execute(database_, "DROP VIEW IF EXISTS history");
    execute(database_, ("ALTER TABLE " + name + " RENAME TO " + old).c_str());
    make_journal_tables(database_);
    for (const auto& row : rows)
      execute(database_, ("INSERT OR IGNORE INTO " + name + " VALUES(" + row + ")").c_str());
    execute(database_, "COMMIT");
  }

  static std::string key_of(const Table& table) { return {table.columns, std::string_view(table.columns).find(',')}; }
  // A row as SQL would write it.
  static std::string quoted(const Table& table) {
    std::string quoted = "quote(";
    for (const char* at = table.columns; *at != '\0'; ++at)
      quoted += *at == ',' ? std::string(")||','||quote(") : std::string(1, *at);
    return quoted + ")";
  }

  // Read before the transaction: after a page that cannot be read, SQLite commits nothing.
  std::vector<std::string> rows_by_number(const Table& table) {
    const auto from = std::string(" FROM ") + table.name + " NOT INDEXED WHERE " + key_of(table);
    Statement next(database_, "SELECT " + key_of(table) + from + ">=? ORDER BY 1 LIMIT 1");
    Statement get(database_, "SELECT " + quoted(table) + from + "=?");
    std::vector<std::string> rows;
    for (auto at = first_readable(next, 0); at; at = first_readable(next, *at + 1)) {
      try {
        get.bind(*at).each([&](const Statement& row) { rows.emplace_back(row.bytes(0)); });
      } catch (const SqliteError& error) {
        if (!is_damage(error)) throw;
      }
    }
    return rows;
  }
  std::vector<std::string> rows_from_both_ends(const Table& table) {
    std::vector<std::string> rows;
    for (const char* order : {" ASC", " DESC"}) {
      try {
        Statement all(database_,
                      "SELECT " + quoted(table) + " FROM " + table.name + " ORDER BY " + key_of(table) + order);
        all.each([&](const Statement& row) { rows.emplace_back(row.bytes(0)); });
      } catch (const SqliteError& error) {
        if (!is_damage(error)) throw;
      }
    }
    return rows;
  }

  // Positions that are not given out again, and those of what was retired.
  void restore_state() {
    Statement add(database_, "INSERT OR IGNORE INTO state VALUES(CAST(? AS TEXT),?)");
    add.bind(std::string_view("position"), blocks_.end()).run();
    add.bind(std::string_view("retired"), blocks_.at_or_behind(1).value_or(1) - 1).run();
  }

  // The records tell what was in the segments that are not there, up to where the streams' figures go.
  void find_missing_segments() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
    std::uint64_t next = blocks_.at_or_behind(0).value_or(1);
    Statement(database_, "SELECT position,last_position FROM segments ORDER BY position")
        .each([&](const Statement& row) {
          if (row.number(0) > next) gaps.emplace_back(next, row.number(0) - 1);
          next = row.number(1) + 1;
        });
    Statement add(database_, "INSERT OR REPLACE INTO segments VALUES(?,?,CAST(? AS TEXT),?)");
    for (const auto& [first, last] : gaps) {
      Segment segment;
      segment.begin(first);
      extend_segment(blocks_, segment, last);
      const auto text = segment.text();
      add.bind(first, last, std::string_view(text), checksum_of_text(text)).run();
    }
  }

  // A reader finds out who they are.
  void find_missing_streams() {
    JournalReader reader(path_);
    std::map<std::uint64_t, StreamState> missing;
    StreamRows rows(database_);
    for (const auto& row : reader.streams())
      if (!rows.find(row.stream)) missing[row.stream] = {row, 0, 0, 0};
    if (missing.empty()) return;
    Statement segments(database_, "SELECT position,last_position,streams FROM segments ORDER BY position");
    segments.each([&](const Statement& row) {
      Segment segment;
      segment.read(row.number(0), row.number(1), row.bytes(2));
      for (const auto& [stream, part] : segment.streams()) {
        const auto found = missing.find(stream);
        if (found == missing.end()) continue;
        found->second.last_position = part.last_position;
        found->second.records += part.records;
        found->second.bytes += part.bytes;
      }
    });
    for (const auto& [stream, state] : missing) {
      rows.make(state.row);
      rows.put(state);
    }
  }

  sqlite3* database_;
  const std::string path_;
  BlockTable blocks_;
};

}  // namespace

void heal_tables(sqlite3* database, const std::string& path) { Healing(database, path).run(); }

}  // namespace trainbus
