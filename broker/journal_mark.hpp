#pragma once
// How far the journal was when it was last written, in a small file beside it, so that a journal that lost its end
// (a WAL that was deleted or damaged) is noticed at the next start. One thread's.

#include <cstdint>
#include <optional>
#include <string>

namespace trainbus {

struct Mark {
  std::uint64_t position = 0;   // of the newest record
  std::int64_t wall_ms = 0;     // when it was written, by the wall clock
  std::int64_t journal_ms = 0;  // and by the journal's
};

class MarkFile {
 public:
  explicit MarkFile(std::string path) : path_(std::move(path)) {}
  ~MarkFile();
  MarkFile(const MarkFile&) = delete;
  MarkFile& operator=(const MarkFile&) = delete;

  // Empty when there is none, or it is not one.
  std::optional<Mark> read() const;
  // A system call. What cannot be written is left out: the mark only tells of a loss.
  void write(const Mark& mark);

 private:
  std::string path_;
  int file_ = -1;
};

}  // namespace trainbus
