#pragma once
// A position on the disk: which records somebody has. Beside a record file it also says how far that had been read, and
// is only a shortcut: without it, or when it does not fit the file, the whole file is read again.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trainbus/consumer.hpp"

namespace trainbus {

struct SavedHeads {
  std::uint64_t offset = 0;      // bytes of the record file that `heads` covers
  std::uint64_t tail_check = 0;  // of the bytes just before `offset`: tells a replaced file
  StreamHeads heads;
};

enum class Durable { kNo, kYes };  // on the disk when it returns

// Text, one stream a line (log/README.md). Written beside the target and renamed, so that a reader sees all or nothing.
// False and errno when it cannot be written.
bool save_heads(const std::string& path, const SavedHeads& saved, Durable durable = Durable::kNo);
// A file or a folder to the disk; false and errno when that failed.
bool sync_path(const std::string& path);
// Empty when the file is absent, incomplete or not ours.
std::optional<SavedHeads> load_heads(const std::string& path);

// A position without a record file. On the disk when it returns; a sudden end leaves the old one or the new one. False
// and errno when it cannot be written.
bool save_position(const std::string& path, const StreamHeads& heads);
// Empty when there is none yet. Throws std::runtime_error with one line when it is damaged; `without_it` ends the words
// "without it", as "everything is written again".
std::optional<StreamHeads> load_position(const std::string& path, std::string_view without_it);

}  // namespace trainbus
