#include "idx_file.hpp"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace trainbus {
namespace {

constexpr std::uint32_t kMaxImages = 10'000'000;
constexpr std::uint32_t kMaxSide = 4096;
constexpr std::uint64_t kMaxBytes = 16ULL << 30;
constexpr unsigned kReadBytes = 1 << 20;

class GzipReader {
 public:
  explicit GzipReader(const std::string& path) : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose) {
    if (!file_) throw std::runtime_error(path + ": " + std::strerror(errno));
  }

  // As many bytes as there are, at most `size`.
  std::size_t read(std::uint8_t* to, std::uint64_t size) {
    std::uint64_t done = 0;
    while (done < size) {
      const auto step = static_cast<unsigned>(std::min<std::uint64_t>(kReadBytes, size - done));
      const int count = gzread(file_.get(), to + done, step);
      // Z_BUF_ERROR is how zlib says that a gzip file ends too early.
      int code = Z_OK;
      const char* what = gzerror(file_.get(), &code);
      if (count < 0 || code == Z_BUF_ERROR) throw std::runtime_error(path_ + ": damaged gzip data (" + what + ')');
      if (count == 0) break;
      done += static_cast<unsigned>(count);
    }
    return done;
  }

  std::uint32_t read_big_endian() {
    std::uint8_t bytes[4];
    if (read(bytes, sizeof bytes) != sizeof bytes) throw std::runtime_error(path_ + ": ends within its header");
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
  }

 private:
  std::string path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
};

}  // namespace

IdxFile read_idx(const std::string& path, std::uint32_t rank) {
  GzipReader reader(path);
  const std::uint32_t magic = reader.read_big_endian();
  const std::uint32_t expected = 0x0800 + rank;
  if (magic != expected)
    throw std::runtime_error(path + ": magic number " + std::to_string(magic) + " instead of " +
                             std::to_string(expected) + ", not an IDX file of " + (rank == 1 ? "labels" : "images"));
  IdxFile file;
  std::uint64_t bytes = 1;
  for (std::uint32_t dimension = 0; dimension < rank; ++dimension) {
    const auto size = reader.read_big_endian();
    const auto limit = dimension == 0 ? kMaxImages : kMaxSide;
    if (size == 0 || size > limit || (bytes *= size) > kMaxBytes)
      throw std::runtime_error(path + ": size " + std::to_string(size) + " in the header is out of range");
    file.sizes.push_back(size);
  }
  // Grown as the bytes come, so that a header that lies cannot ask for memory that the file does not fill.
  std::uint64_t got = 0;
  for (std::uint64_t count = 1; got < bytes && count > 0; got += count) {
    file.values.resize(std::min<std::uint64_t>(bytes, got + kReadBytes));
    count = reader.read(file.values.data() + got, file.values.size() - got);
  }
  std::uint8_t extra = 0;
  if (got < bytes)
    throw std::runtime_error(path + ": truncated, " + std::to_string(got) + " of " + std::to_string(bytes) +
                             " bytes of values");
  if (reader.read(&extra, 1) != 0) throw std::runtime_error(path + ": longer than its header says");
  return file;
}

}  // namespace trainbus
