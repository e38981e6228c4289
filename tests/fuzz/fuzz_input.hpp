#pragma once
// What the fuzz targets share: an input as a row of pieces, and as a file.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace trainbus::fuzz {

inline std::string_view view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool good) {
  if (!good) std::abort();
}

// Pieces of [u8 what][u16 length, little-endian][bytes]; a length past the end means the rest.
class Pieces {
 public:
  explicit Pieces(std::string_view input) : rest_(input) {}
  bool next(std::uint8_t& what, std::string_view& bytes) {
    if (rest_.size() < 3) return false;
    what = static_cast<std::uint8_t>(rest_[0]);
    const auto length = static_cast<std::uint8_t>(rest_[1]) | static_cast<std::uint8_t>(rest_[2]) << 8;
    bytes = rest_.substr(3, static_cast<std::size_t>(length));
    rest_.remove_prefix(3 + bytes.size());
    return true;
  }

 private:
  std::string_view rest_;
};

// A file of these bytes, in memory.
class InputFile {
 public:
  explicit InputFile(std::string_view bytes) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    require(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~InputFile() { close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  const int fd_;
};

}  // namespace trainbus::fuzz
