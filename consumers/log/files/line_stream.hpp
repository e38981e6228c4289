#pragma once
// Lines for whoever reads them now: standard output, a FIFO, a device.

#include <cstdint>
#include <string>
#include <string_view>

#include "trainbus/sink.hpp"

namespace trainbus {

// Single-threaded. Nothing can be read back from a stream, so it has what this process gave it: each start begins with
// the whole history. A reader that is slow holds up the sink, as any place does. Throws std::runtime_error with one
// line; SinkOver when the reader of a descriptor of this process has closed it, for nobody can open that again.
class LineStream {
 public:
  // "-" and "/dev/stdout" are standard output, "/dev/stderr", "/dev/fd/N" and "/proc/self/fd/N" what they say; a FIFO
  // or a character device that is there is a stream too.
  static bool is_one(const std::string& path);

  explicit LineStream(std::string path) : path_(std::move(path)) {}
  ~LineStream() { close(); }
  LineStream(const LineStream&) = delete;
  LineStream& operator=(const LineStream&) = delete;

  // Waits up to 5 s for a FIFO's reader.
  StreamHeads open();
  // One record; `text` without the line end. Buffered up to 256 KiB.
  void append(std::string_view text, const SinkRecord& record);
  // All lines are with the reader's end.
  void flush();

 private:
  [[noreturn]] void fail(const std::string& why) const;
  void close();

  const std::string path_;
  int fd_ = -1;
  std::string buffer_;
  StreamHeads buffered_;  // of the buffer
  StreamHeads heads_;     // of what was written
};

}  // namespace trainbus
