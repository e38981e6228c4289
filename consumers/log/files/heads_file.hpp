#pragma once
// The sidecar of a record file: how far it had been read and which records are up to there. Only a shortcut: without
// it, or when it does not fit the file, the whole file is read again.

#include <cstdint>
#include <optional>
#include <string>

#include "trainbus/consumer.hpp"

namespace trainbus {

struct SavedHeads {
  std::uint64_t offset = 0;      // bytes of the record file that `heads` covers
  std::uint64_t tail_check = 0;  // of the bytes just before `offset`: tells a replaced file
  StreamHeads heads;
};

enum class Durable { kNo, kYes };  // on the disk when it returns

// Text, one stream a line (README.md). Written beside the target and renamed, so that a reader sees all or nothing.
// False when it cannot be written.
bool save_heads(const std::string& path, const SavedHeads& saved, Durable durable = Durable::kNo);
// A file or a folder to the disk; false when that failed.
bool sync_path(const std::string& path);
// Empty when the file is absent, incomplete or not ours.
std::optional<SavedHeads> load_heads(const std::string& path);

}  // namespace trainbus
