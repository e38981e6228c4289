#include "broker/journal_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "broker/journal_schema.hpp"

namespace trainbus {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostPages = std::uint64_t{1} << 31;  // a damaged header may say anything; the file is sparse

void sync_to_disk(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

}  // namespace

std::uint64_t restore_length(const std::string& path) {
  // https://www.sqlite.org/fileformat2.html: the size of a page at 16, their number at 28, both big-endian.
  constexpr std::size_t kPageSizeAt = 16;
  constexpr std::size_t kPagesAt = 28;
  std::array<unsigned char, 32> header{};
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(header.data()), header.size())) return 0;
  const std::uint64_t page_bytes = header[kPageSizeAt] << 8 | header[kPageSizeAt + 1];
  std::uint64_t pages = 0;
  for (auto at = kPagesAt; at < kPagesAt + 4; ++at)
    pages = pages << 8 | header[at];
  const auto size = fs::file_size(path);
  if (page_bytes != kJournalPageBytes || size >= pages * page_bytes || pages > kMostPages) return 0;
  fs::resize_file(path, pages * page_bytes);
  return pages - size / page_bytes;
}

void make_private_file(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) throw std::runtime_error("journal '" + path + "': " + std::strerror(errno));
  close(fd);
}

void throw_with_advice(const SqliteError& error, const std::string& path) {
  if (error.code() != SQLITE_CORRUPT && error.code() != SQLITE_NOTADB) throw SqliteError(error);
  throw SqliteError(error.code(), std::string(error.what()) + "; with the broker stopped: trainbus-broker repair " +
                                      fs::path(path).parent_path().string());
}

void remove_journal(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", "-mark"})
    fs::remove(path + suffix);
}

void make_one_file(sqlite3* database) { execute(database, "PRAGMA journal_mode=DELETE"); }

void put_in_place(const std::string& new_path, const std::string& path) {
  make_one_file(open_sqlite(new_path, SQLITE_OPEN_READWRITE).get());
  sync_to_disk(new_path);
  fs::rename(new_path, path);
  sync_to_disk(fs::path(path).parent_path());
  remove_journal(new_path);
}

}  // namespace trainbus
