#pragma once
// What jsonl and csv do with their files beside writing them: the options both have.

#include <array>
#include <chrono>
#include <cstdint>

#include "trainbus/sink_options.hpp"

namespace trainbus {

enum class Fsync { kNever, kSync, kFlush };

struct FileRules {
  std::uint64_t rotate_bytes = 0;             // 0: never by size
  std::chrono::milliseconds rotate_every{0};  // 0: never by time; periods begin at the Unix epoch, so a day is UTC's
  bool compress = false;
  std::uint64_t keep = 0;  // rotated parts; 0: all
  Fsync fsync = Fsync::kSync;
};

// `path`, then the options of FileRules.
constexpr std::array<trainbus_sink_option, 7> file_options(const trainbus_sink_option& path) {
  return {{
      path,
      {"rotate", "BYTES", "0", "put a file away before it grows beyond this, as 100M; 0: never", 0},
      {"rotate-every", "TIME", "0s", "and when a new period of this length has begun, as 1d (a UTC day)", 0},
      {"compress", "none|zstd", "none", "what is put away, in the background", 0},
      {"keep", "N", "0", "so many files put away, the newest; 0: all", 0},
      {"fsync", "never|sync|flush", "sync", "on the disk every 5 s (sync) or 0.1 s (flush), or when the system likes",
       0},
      {},
  }};
}

// Throws std::invalid_argument with one line.
FileRules file_rules(const SinkOptions& options);
// Throws so when any of these options is given: a stream is neither put away nor synced.
void refuse_file_rules(const SinkOptions& options);

}  // namespace trainbus
