#pragma once
// An append-only file of whole records which is its own position: what is in it tells which records it has.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "trainbus/sink.hpp"

namespace trainbus {

// How a file reads its own records back.
struct RecordSyntax {
  std::string header;   // the first line with its newline; "": none
  std::string opening;  // how every file of this syntax begins
  // Bytes of the first record of the text, its newline included; npos when it is not complete.
  std::function<std::size_t(std::string_view)> record_size;
  // Stream and sequence of a whole record; false when it is none of ours.
  std::function<bool(std::string_view, StreamKey&, std::uint64_t&)> read_position;
  bool many_rows = false;  // a record may be several rows on end, or none
};

// What somebody else did to the file that is open.
enum class FileFate {
  kInPlace,
  kTruncated,  // it is shorter than what was written: `truncate -s 0`, logrotate's copytruncate
  kMoved,      // it has another name now: logrotate's rename, with or without a new file in its place
};

// Single-threaded. Owns the file and an exclusive lock on it. Throws std::runtime_error with one line that names the
// path; after that only open() or the destructor may follow. Bytes are buffered until flush().
class RecordFile {
 public:
  RecordFile(std::string path, RecordSyntax syntax);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  // Opens or creates the file, cuts off a half-written last record and gives the heads of what is there. Reads only
  // what follows the offset in `PATH.heads` when that fits. Refuses, and leaves untouched, a file that is not of this
  // syntax, that holds a damaged record, or that another process writes.
  StreamHeads open();
  // After open(): what the file had by `PATH.heads`, when it is there and empty now; else empty.
  const StreamHeads& emptied() const { return emptied_; }
  // One record, newer than everything of its stream; `text` without the line end. With many_rows it may be empty: then
  // the file has what there is of this record.
  void append(std::string_view text, const SinkRecord& record);
  // Looks at the file. Throws when it was removed, or when somebody else has written into it.
  FileFate fate() const;
  // The buffer is with the operating system, if the file is in place. Otherwise nothing was written, and reopen() is
  // next.
  [[nodiscard]] FileFate flush();
  // As open(), of the file that has the name now; the buffer stays.
  void reopen();
  // What was flushed is on the disk.
  void to_disk();
  // `PATH.heads` says how far the flushed file goes; not over rows that may be the first ones of their record.
  void checkpoint();
  // Renames the flushed file; only open() may follow.
  void move_away(const std::string& to);

  std::uint64_t bytes() const { return size_ + buffer_.size(); }
  std::size_t buffered_bytes() const { return buffer_.size(); }
  bool empty() const { return bytes() <= syntax_.header.size(); }  // of records
  // Of the file and the buffer.
  const StreamHeads& heads() const { return heads_; }
  // Of the file alone.
  StreamHeads flushed_heads() const;
  // The last change of the open file, Unix ms.
  std::int64_t modified_ms() const;

 private:
  [[noreturn]] void fail(const std::string& why) const;
  [[noreturn]] void fail_errno() const;
  void open_exclusively();
  void check_opening();
  // Reads records from size_ on, adds them to heads_, and leaves size_ after the last whole one.
  void scan(std::uint64_t file_bytes);
  void note(const StreamKey& stream, std::uint64_t sequence);
  void keep_last_rows(const StreamKey& stream, std::uint64_t sequence, std::string_view row);
  void doubt_last_rows();
  // What is not in the file yet of the record that ends it.
  std::string_view rest_of(std::string_view text, const StreamKey& stream, std::uint64_t sequence);
  // Calls `action(stream, sequence)` for each record in the buffer.
  template <typename Action>
  void for_each_buffered(Action action) const;
  void write_buffer();
  // Cuts off the buffer's bytes again if they are the last of the file, which has `file_bytes`.
  void take_back(std::uint64_t file_bytes);
  std::uint64_t tail_check(std::uint64_t offset) const;
  void close();

  const std::string path_;
  const RecordSyntax syntax_;
  int fd_ = -1;
  bool made_ = false;       // by this open()
  std::uint64_t size_ = 0;  // bytes of whole records in the file
  std::uint64_t synced_size_ = 0;
  std::uint64_t checked_size_ = 0;  // in `PATH.heads`
  std::string buffer_;
  // With many_rows: the rows at the end that were found by open(), and may be only the first ones of their record. Its
  // head is then the record before.
  struct LastRows {
    StreamKey stream;
    std::uint64_t sequence = 0;
    std::string text;
    std::uint64_t offset = 0;
  };
  LastRows last_rows_;
  bool noted_ = false;  // heads_ changed since the checkpoint
  StreamHeads emptied_;
  StreamHeads heads_;                        // of what is in the file and the buffer
  StreamHeads::value_type* last_ = nullptr;  // of heads_: mostly the same stream again
};

}  // namespace trainbus
