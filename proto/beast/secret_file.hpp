#pragma once
// Text files that only their user may read.

#include <cstdint>
#include <optional>
#include <string>

namespace trainbus {

// Its text, 1 MiB at most; empty where it is not there. Throws std::runtime_error with one line when others can read
// it, or it is no file of this user.
std::optional<std::string> read_secret_file(const std::string& path);
// 0600, as a whole or not at all. Throws std::runtime_error with one line.
void write_secret_file(const std::string& path, const std::string& text);
// Another number after each change of the file; 0: it is not there.
std::uint64_t file_version(const std::string& path);

}  // namespace trainbus
