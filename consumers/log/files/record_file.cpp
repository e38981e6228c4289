#include "record_file.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;
constexpr std::size_t kReadBytes = 1 << 20;
// A record of kMaxRecordBytes written as text with every byte escaped stays below this.
constexpr std::size_t kMaxTextRecordBytes = 16 << 20;
constexpr std::uint64_t kTailCheckBytes = 4096;

// Reads up to `bytes` at `offset`; short only at the end of the file. -1 on an error.
ssize_t read_at(int fd, char* to, std::size_t bytes, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t count = pread(fd, to + done, bytes - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

}  // namespace

RecordFile::RecordFile(std::string path, RecordSyntax syntax) : path_(std::move(path)), syntax_(std::move(syntax)) {}

RecordFile::~RecordFile() { close(); }

void RecordFile::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  buffer_.clear();
}

void RecordFile::fail(const std::string& why) const { throw std::runtime_error('\'' + path_ + "': " + why); }

void RecordFile::fail_errno() const { fail(std::strerror(errno)); }

void RecordFile::open_exclusively() {
  // O_NONBLOCK: a FIFO must be refused, not waited for.
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd_ < 0) fail_errno();
  struct stat status {};
  if (fstat(fd_, &status) != 0) fail_errno();
  if (!S_ISREG(status.st_mode)) fail("not a regular file");
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) fail("another trainbus-log is writing it");
}

void RecordFile::check_opening() {
  std::string begin(syntax_.opening.size(), '\0');
  const ssize_t count = read_at(fd_, begin.data(), begin.size(), 0);
  if (count < 0) fail_errno();
  if (syntax_.opening.compare(0, static_cast<std::size_t>(count), begin, 0, static_cast<std::size_t>(count)) != 0)
    fail("holds something else; it does not begin with " + syntax_.opening.substr(0, syntax_.opening.find('\n')));
}

StreamHeads RecordFile::open() {
  const bool again = fd_ >= 0;  // after a failure, which was reported
  close();
  open_exclusively();
  check_opening();
  const auto file_bytes = static_cast<std::uint64_t>(lseek(fd_, 0, SEEK_END));

  heads_.clear();
  last_ = nullptr;
  size_ = file_bytes < syntax_.header.size() ? 0 : syntax_.header.size();
  if (auto saved = load_heads(path_ + ".heads"); saved && saved->offset >= size_ && saved->offset <= file_bytes &&
                                                 saved->tail_check == tail_check(saved->offset)) {
    size_ = saved->offset;
    heads_ = std::move(saved->heads);
  }
  synced_size_ = checked_size_ = size_;
  if (size_ >= syntax_.header.size()) scan(file_bytes);

  if (size_ < file_bytes) {
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail_errno();
    if (!again) spdlog::warn("'{}': cut off {} bytes of a half-written last line", path_, file_bytes - size_);
  }
  if (size_ == 0 && !syntax_.header.empty()) {
    buffer_ = syntax_.header;
    flush();
  }
  return heads_;
}

void RecordFile::scan(std::uint64_t file_bytes) {
  std::string text;
  std::uint64_t read_to = size_;
  while (read_to < file_bytes) {
    const std::size_t kept = text.size();
    text.resize(kept + kReadBytes);
    const ssize_t count = read_at(fd_, text.data() + kept, kReadBytes, read_to);
    if (count < 0) fail_errno();
    if (count == 0) break;
    read_to += static_cast<std::uint64_t>(count);
    text.resize(kept + static_cast<std::size_t>(count));

    std::string_view rest = text;
    for (std::size_t bytes; (bytes = syntax_.record_size(rest)) != std::string_view::npos;) {
      StreamKey stream;
      std::uint64_t sequence = 0;
      if (!syntax_.read_position(rest.substr(0, bytes), stream, sequence))
        fail("the line at byte " + std::to_string(size_) + " is not a record of ours; move the file away or mend it");
      note(stream, sequence);
      size_ += bytes;
      rest.remove_prefix(bytes);
    }
    if (rest.size() > kMaxTextRecordBytes)
      fail("the line at byte " + std::to_string(size_) + " never ends; move the file away or mend it");
    text.erase(0, text.size() - rest.size());
  }
}

void RecordFile::note(const StreamKey& stream, std::uint64_t sequence) {
  if (last_ == nullptr || last_->first != stream) last_ = &*heads_.try_emplace(stream, 0).first;
  last_->second = std::max(last_->second, sequence);
}

void RecordFile::append(std::string_view text, const SinkRecord& record) {
  note(record.stream(), record.sequence());
  buffer_.append(text).append(1, '\n');
  if (buffer_.size() >= kBufferBytes) flush();
}

void RecordFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno();
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  size_ += buffer_.size();
  buffer_.clear();
}

void RecordFile::to_disk() {
  if (size_ == synced_size_) return;
  if (fdatasync(fd_) != 0) fail_errno();
  synced_size_ = size_;
}

void RecordFile::checkpoint() {
  struct stat ours {
  }, there{};
  if (fstat(fd_, &ours) != 0) fail_errno();
  if (stat(path_.c_str(), &there) != 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
    fail("was removed or replaced");
  if (size_ == checked_size_) return;
  checked_size_ = size_;
  if (!save_heads(path_ + ".heads", {.offset = size_, .tail_check = tail_check(size_), .heads = heads_}))
    spdlog::debug("'{}.heads' cannot be written; the next start reads the whole file", path_);
}

void RecordFile::move_away(const std::string& to) {
  if (std::rename(path_.c_str(), to.c_str()) != 0) fail_errno();
  std::remove((path_ + ".heads").c_str());
  if (!sync_path(std::filesystem::absolute(path_).parent_path())) fail_errno();
}

std::int64_t RecordFile::modified_ms() const {
  struct stat status {};
  if (fstat(fd_, &status) != 0) fail_errno();
  return status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1'000'000;
}

// FNV-1a.
std::uint64_t RecordFile::tail_check(std::uint64_t offset) const {
  std::string tail(std::min(offset, kTailCheckBytes), '\0');
  if (read_at(fd_, tail.data(), tail.size(), offset - tail.size()) != static_cast<ssize_t>(tail.size())) return 0;
  std::uint64_t hash = 14695981039346656037U;
  for (const char byte : tail)
    hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  return hash;
}

}  // namespace trainbus
