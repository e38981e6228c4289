#pragma once
// What --retain, --retain-bytes and --retain-until-archived take. Each throws std::invalid_argument with one line that
// names the text.

#include <cstdint>
#include <string>

namespace trainbus {

// "30d", "12h", "45m", "90s": milliseconds; from 1 s to 100 years.
std::int64_t parse_retained_age(const std::string& text);
// "500M", "10G", "64000000": bytes; K, M, G, T are powers of 1024. From 1 MiB up.
std::uint64_t parse_retained_bytes(const std::string& text);
// "lab": as the names of runs.
void check_archive_name(const std::string& text);

}  // namespace trainbus
