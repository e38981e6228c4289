#pragma once
// Brings a journal of version 1 (a row each record) to the version of this broker.

#include <string>

namespace trainbus {

// Does nothing for a file that is not there or of another version. A new file is written beside the old one and takes
// its place when it is whole: a kill in between leaves the old one. Says how far it is while that takes long. Throws
// SqliteError with one line. Records count as taken in now.
void migrate_journal(const std::string& path);

}  // namespace trainbus
