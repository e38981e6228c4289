#pragma once
// The journal's small tables can be had from its records: one that a damaged page broke is made anew at the start, so
// that the broker goes on with all that can be read.

#include <string>

#include "broker/sqlite.hpp"

namespace trainbus {

// Reads every table but the records. One that cannot be read whole gets a new one in its place, with the rows that can;
// what segments and streams miss is taken from the records. The broken one stays in the file, out of use, until a
// repair. Says what it does. Throws SqliteError where not even that can be done.
void heal_tables(sqlite3* database, const std::string& path);

}  // namespace trainbus
