#pragma once
// The files of a journal: journal.sqlite, with -wal, -shm and -mark beside it.

#include <cstdint>
#include <string>

#include "broker/sqlite.hpp"

namespace trainbus {

// Where there is none: for this user alone from its first moment, as those are that SQLite makes beside it. Throws
// std::runtime_error with one line.
void make_private_file(const std::string& path);
void remove_journal(const std::string& path);
// Takes the WAL into the file, so that it is the whole journal. Throws SqliteError while another process reads it.
void make_one_file(sqlite3* database);
// Gives a file that was cut short its length back: the pages that are gone are empty then, and the others can be read.
// Returns how many these are.
std::uint64_t restore_length(const std::string& path);
// The finished journal at `new_path`, which nobody has open, becomes the one at `path`, at once or not at all.
void put_in_place(const std::string& new_path, const std::string& path);

// Throws it again: of a damaged file with what can be done.
[[noreturn]] void throw_with_advice(const SqliteError& error, const std::string& path);

}  // namespace trainbus
