#pragma once
// A record file that puts itself away when it is large or old, and begins anew.

#include <functional>

#include "file_rules.hpp"
#include "part_compressor.hpp"
#include "record_file.hpp"

namespace trainbus {

// Single-threaded, errors as RecordFile. PATH.parts says what is in the parts put away. It is written before a part is,
// while the records are still in the file itself: whatever is cut short in between, file and parts together have each
// record, and PATH.parts names none that they have not.
//
// A file that somebody else truncates or moves away while it is open is noticed before the next append, and taken as
// put away: it goes on, under its name and with its header, with the next record. One that was removed is an error; the
// new one that open() then makes has the whole history again.
class RotatedFile {
 public:
  using Clock = std::function<std::int64_t()>;  // Unix ms

  // `compressor` outlives this.
  RotatedFile(std::string path, RecordSyntax syntax, const FileRules& rules, PartCompressor& compressor,
              Clock clock = unix_ms);

  // As RecordFile::open(), with what is in the parts. Finishes what was cut short.
  StreamHeads open();
  // As RecordFile::append().
  void append(std::string_view text, const SinkRecord& record);
  void flush();
  // After a flush: `PATH.heads` says what it has, which a sync does too.
  void checkpoint() { file_.checkpoint(); }
  void sync();

 private:
  bool is_due(std::size_t bytes, std::int64_t now_ms) const;
  void rotate();
  void load_parts();
  void save_parts() const;
  void take_over_emptied();
  void begin_anew(FileFate fate);
  // The buffer is with the operating system.
  void write_out();
  void tend_parts();

  const std::string path_;
  const FileRules rules_;
  PartCompressor& compressor_;
  const Clock clock_;
  RecordFile file_;
  StreamHeads put_away_;           // of all parts, also those that are gone
  std::uint64_t newest_part_ = 0;  // number; 0: none
  std::int64_t last_append_ms_ = 0;
};

}  // namespace trainbus
