#include "broker/journal_schema.hpp"

#include <zlib.h>

#include <array>

namespace trainbus {
namespace {

// `own` has the places of what the broker itself writes, commands and alerts: few, and read back at each start.
constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS blocks(
  position INTEGER PRIMARY KEY, records INTEGER NOT NULL, journal_ms INTEGER NOT NULL, taken_in_ms INTEGER NOT NULL,
  directory TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS segments(
  position INTEGER PRIMARY KEY, last_position INTEGER NOT NULL, streams TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS streams(
  stream INTEGER PRIMARY KEY, session TEXT NOT NULL, incarnation INTEGER NOT NULL, kind TEXT NOT NULL,
  last_sequence INTEGER NOT NULL, last_position INTEGER NOT NULL, records INTEGER NOT NULL, bytes INTEGER NOT NULL,
  checksum INTEGER NOT NULL, UNIQUE(session, incarnation, kind));
CREATE TABLE IF NOT EXISTS lost(
  stream INTEGER NOT NULL, first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
  PRIMARY KEY(stream, first_sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incarnations(
  session TEXT NOT NULL, incarnation INTEGER NOT NULL, heard_order INTEGER NOT NULL, first_heard_ms INTEGER NOT NULL,
  visibility INTEGER NOT NULL, PRIMARY KEY(session, incarnation)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS own(
  stream INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY(stream, position)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS history AS
  SELECT blocks.position + entry.key AS position, session, incarnation, kind,
         json_extract(entry.value,'$[1]') AS sequence, json_extract(entry.value,'$[2]') AS timestamp_ms,
         taken_in_ms + json_extract(entry.value,'$[3]') AS taken_in_ms,
         substr(data, 1 + json_extract(entry.value,'$[4]'), json_extract(entry.value,'$[5]')) AS body
  FROM blocks, json_each(iif(json_valid(directory), directory, '[]')) AS entry
  JOIN streams ON streams.stream = json_extract(entry.value,'$[0]') WHERE entry.type = 'array';
)";

std::uint64_t checksum_of(const StreamState& state) {
  const std::string session = state.row.session.id();
  const std::array<std::uint64_t, 7> numbers{state.row.stream,
                                             state.row.incarnation,
                                             std::uint64_t(state.row.kind),
                                             state.row.last_sequence,
                                             state.last_position,
                                             state.records,
                                             state.bytes};
  const auto start = crc32_z(0, reinterpret_cast<const unsigned char*>(numbers.data()), sizeof numbers);
  return crc32_z(start, reinterpret_cast<const unsigned char*>(session.data()), session.size());
}

}  // namespace

std::uint64_t checksum_of_text(std::string_view text) {
  return crc32_z(0, reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

int journal_version(sqlite3* database) {
  Statement get(database, "PRAGMA user_version");
  get.step();
  return static_cast<int>(get.integer(0));
}

SqliteError wrong_version(const std::string& path, int version) {
  return {SQLITE_ERROR, "journal '" + path + "' has version " + std::to_string(version) +
                            ", this broker reads version " + std::to_string(kJournalVersion)};
}

void make_journal_tables(sqlite3* database) {
  execute(database, kTables);
  execute(database, ("PRAGMA user_version=" + std::to_string(kJournalVersion)).c_str());
}

StreamRows::StreamRows(sqlite3* database) {
  find_ = Statement(database, std::string("SELECT ") + kColumns + " FROM streams WHERE stream=?");
  make_ = Statement(database,
                    "INSERT INTO streams VALUES(?,CAST(? AS TEXT),?,CAST(? AS TEXT),?,?,?,?,?) ON CONFLICT DO NOTHING");
  put_ = Statement(database,
                   "UPDATE streams SET last_sequence=?,last_position=?,records=?,bytes=?,checksum=? WHERE stream=?");
}

std::optional<StreamState> StreamRows::read(const Statement& row) {
  StreamState state;
  state.row.stream = row.number(0);
  if (auto session = parse_session_id(row.bytes(1))) state.row.session = std::move(*session);
  state.row.incarnation = row.number(2);
  state.row.kind = kind_from_name(row.bytes(3));
  state.row.last_sequence = row.number(4);
  state.last_position = row.number(5);
  state.records = row.number(6);
  state.bytes = row.number(7);
  return verified(std::move(state), row.number(8));
}

std::optional<StreamState> StreamRows::verified(StreamState state, std::uint64_t checksum) {
  if (state.row.kind == v1::KIND_UNKNOWN || checksum_of(state) != checksum) return std::nullopt;
  return state;
}

std::optional<StreamState> StreamRows::find(std::uint64_t stream) {
  find_.bind(stream);
  auto state = find_.step() ? read(find_) : std::nullopt;
  find_.reset();
  return state;
}

void StreamRows::make(const StreamRow& stream) {
  StreamState state;
  state.row = stream;
  const std::string session = stream.session.id();
  make_
      .bind(stream.stream, std::string_view(session), stream.incarnation, kind_name(stream.kind), stream.last_sequence,
            state.last_position, state.records, state.bytes, checksum_of(state))
      .run();
}

void StreamRows::put(const StreamState& state) {
  put_.bind(state.row.last_sequence, state.last_position, state.records, state.bytes, checksum_of(state),
            state.row.stream)
      .run();
}

}  // namespace trainbus
