#pragma once
// Standard output of a program, for as long as it runs: std::cout, but a write that fails is known with its reason.

#include <array>
#include <streambuf>
#include <string>

namespace trainbus {

// Takes std::cout's place while it lives. The first write that fails is told on stderr in one line; then std::cout is
// bad, and what is written to it is dropped. A pipe whose reader has gone is such a failure (SIGPIPE is ignored).
// One at a time; std::cout must be used by one thread at a time.
class StandardOutput : std::streambuf {
 public:
  // Descriptors 0 to 2 that are closed are filled first: the next file opened would get one of them, and what is
  // printed would be written into it.
  explicit StandardOutput(std::string program);
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  // Writes what waits; false when something could not be written, now or before.
  [[nodiscard]] bool flush() { return sync() == 0; }

 private:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* text, std::streamsize count) override;
  int sync() override;
  bool write_out(const char* text, std::size_t count);

  const std::string program_;
  std::streambuf* const before_;
  std::array<char, 16 << 10> buffer_;
  bool failed_ = false;
};

}  // namespace trainbus
