#include "broker/journal_healing.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "broker/block_table.hpp"
#include "broker/journal_schema.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

struct Table {
  const char* name;
  const char* columns;  // the first is its key, or the first of its key
  bool by_number;       // the key is a number by which rows are found one by one
};

constexpr Table kHealedTables[] = {{"segments", "position,last_position,streams,checksum", true},
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
    for (const auto& table : kHealedTables)
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
    const auto is_counted_in = [](const Table* table) {
      return table->name == std::string_view("segments") || table->name == std::string_view("streams");
    };
    if (std::ranges::any_of(broken, is_counted_in)) restore_streams();
  }

 private:
  bool whole(const Table& table) {
    try {
      const std::string name(table.name);
      Statement check(database_, "PRAGMA quick_check(" + name + ")");
      return check.step() && check.bytes(0) == "ok" && (name != "streams" || streams_are_found());
    } catch (const SqliteError& error) {
      if (!is_damage(error)) throw;
      return false;
    }
  }

  // Whether their index has them all, in order. A stream that it has not would be made a second time. SQLite's own
  // check looks each of them up, which takes ten times as long.
  bool streams_are_found() {
    bool in_order = true;
    std::tuple<std::string, std::uint64_t, std::string> last;
    const std::string columns = "SELECT stream,session,incarnation,kind FROM streams ";
    const auto sum_of = [&](const std::string& sql, const auto& see) {
      std::uint64_t sum = 0;  // whatever the order
      Statement(database_, sql).each([&](const Statement& row) {
        constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
        std::uint64_t hash = row.number(0);
        for (const std::uint64_t part :
             {std::hash<std::string_view>{}(row.bytes(1)), row.number(2), std::hash<std::string_view>{}(row.bytes(3))})
          hash = (hash ^ hash >> 32) * kOdd + part;
        sum += (hash ^ hash >> 32) * kOdd;
        see(row);
      });
      return sum;
    };
    const auto by_index = sum_of(columns + "WHERE session>''", [&](const Statement& row) {
      std::tuple next(std::string(row.bytes(1)), row.number(2), std::string(row.bytes(3)));
      in_order = in_order && last < next;
      last = std::move(next);
    });
    return by_index == sum_of(columns + "NOT INDEXED", [](const Statement&) {}) && in_order;
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

  // Who they are and how much they have: the segments tell, and behind the last of them the records.
  void restore_streams() {
    std::map<std::uint64_t, SegmentStream> parts;
    std::uint64_t next = blocks_.at_or_behind(0).value_or(1);
    Segment segment;
    Statement(database_, "SELECT position,last_position,streams FROM segments ORDER BY position")
        .each([&](const Statement& row) {
          next = row.number(1) + 1;
          if (!segment.read(row.number(0), row.number(1), row.bytes(2))) return;
          for (const auto& [stream, part] : segment.streams())
            add(part, parts[stream]);
        });
    segment.begin(next);
    extend_segment(blocks_, segment);
    StreamRows rows(database_);
    for (const auto& [stream, tail] : segment.streams()) {
      auto& part = parts[stream];  // what the tail has is counted when its segment ends
      if (part.records == 0) part.first_position = tail.first_position;
      part.last_position = std::max(part.last_position, tail.last_position);
    }
    for (const auto& [stream, part] : parts)
      if (auto state = make_row(rows, stream, part)) {
        state->row.last_sequence = std::max(state->row.last_sequence, part.last_sequence);
        state->last_position = part.last_position;
        state->records = part.records;
        state->bytes = part.bytes;
        rows.put(*state);
      }
    blocks_.release();
  }
  static void add(const SegmentStream& part, SegmentStream& all) {
    if (all.records == 0) all.first_position = part.first_position;
    all.last_position = part.last_position;
    all.last_sequence = std::max(all.last_sequence, part.last_sequence);
    all.records += part.records;
    all.bytes += part.bytes;
  }

  // Its row, made anew where it is not there; nothing where no record tells whose it was.
  std::optional<StreamState> make_row(StreamRows& rows, std::uint64_t stream, const SegmentStream& part) {
    auto state = rows.find(stream);
    if (state) return state;
    Statement(database_, "DELETE FROM streams WHERE stream=?").bind(stream).run();  // one that is not as it was written
    Block block;
    v1::MetricsRequest message;
    for (auto at = blocks_.holding_or_behind(part.first_position); at && *at <= part.last_position;
         at = blocks_.at_or_behind(*at + 1)) {
      if (!blocks_.load(*at, block)) continue;
      for (const auto& entry : block.entries) {
        if (entry.row.stream != stream || !block.intact(entry)) continue;
        const auto body = block.body(entry);
        if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) continue;
        const auto session = parse_session_id(message.session_id());
        if (!session) continue;
        rows.make({stream, *session, message.incarnation(), payload_kind(message), 0});
        return rows.find(stream);
      }
    }
    return std::nullopt;
  }

  sqlite3* database_;
  const std::string path_;
  BlockTable blocks_;
};

}  // namespace

void heal_tables(sqlite3* database, const std::string& path) { Healing(database, path).run(); }

}  // namespace trainbus
