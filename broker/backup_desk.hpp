#pragma once
// The backup desk: a consistent copy of the journal, made beside it while the broker works, and given in pieces to who
// asks. One at a time; it is removed when it was read, when nobody asked for a minute, and at the broker's start. Used
// by the bus thread only; the copy is made on a thread of its own.

#include <atomic>
#include <cstdint>
#include <future>
#include <string>
#include <variant>

#include "trainbus/wire.hpp"

namespace trainbus {

class BackupDesk {
 public:
  static constexpr std::int64_t kAbandonedMs = 60'000;
  static constexpr std::uint32_t kDefaultPieceBytes = 512 << 10;
  static constexpr std::uint32_t kMaxPieceBytes = 768 << 10;
  static constexpr std::uint64_t kSpareBytes = 64 << 20;  // free beside the copy, for the journal to go on

  // `folder`: where copies are made, on the journal's file system.
  BackupDesk(std::string journal_path, std::string folder);
  ~BackupDesk();
  BackupDesk(const BackupDesk&) = delete;
  BackupDesk& operator=(const BackupDesk&) = delete;

  // A piece, or one line of why there is none.
  std::variant<v1::BackupReply, std::string> answer(const v1::BackupRequest& request, std::int64_t now_ms);
  void tick(std::int64_t now_ms);

 private:
  std::string begin();
  void remove_copy();
  std::string copy_path() const { return folder_ + "/backup-" + id_ + ".sqlite"; }

  const std::string journal_path_, folder_;
  std::string id_;  // empty: there is none
  std::string problem_;
  std::uint64_t total_bytes_ = 0;  // 0: not made yet
  std::int64_t asked_ms_ = 0;
  std::atomic<bool> stop_{false};
  std::future<std::string> copying_;
  int fd_ = -1;
};

}  // namespace trainbus
