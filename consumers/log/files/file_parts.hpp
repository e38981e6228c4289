#pragma once
// The parts of a rotated file: x.jsonl puts away x.2026-11-23.000001.jsonl, later compressed to ...jsonl.zst.

#include <cstdint>
#include <string>
#include <vector>

namespace trainbus {

struct FilePart {
  std::uint64_t number = 0;  // from 1
  std::string path;
  bool compressed = false;
};

// Those that are there, by number.
std::vector<FilePart> find_parts(const std::string& path);
// `day_ms`: Unix time, any within the UTC day in the name.
std::string part_path(const std::string& path, std::uint64_t number, std::int64_t day_ms);

}  // namespace trainbus
