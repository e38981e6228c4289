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
#include <utility>

#include "trainbus/heads_file.hpp"

namespace trainbus {
namespace {

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
  constexpr int kHow = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  fd_ = ::open(path_.c_str(), kHow);
  made_ = fd_ < 0 && errno == ENOENT;
  if (made_) {
    std::remove((path_ + ".heads").c_str());  // of a file that is gone: a new one that stays empty was not emptied
    fd_ = ::open(path_.c_str(), kHow | O_CREAT, 0644);
  }
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
  emptied_.clear();
  last_rows_ = {};
  last_ = nullptr;
  size_ = file_bytes < syntax_.header.size() ? 0 : syntax_.header.size();
  if (auto saved = load_heads(path_ + ".heads")) {
    if (saved->offset >= size_ && saved->offset <= file_bytes && saved->tail_check == tail_check(saved->offset)) {
      size_ = saved->offset;
      heads_ = std::move(saved->heads);
    } else if (file_bytes == 0 && !made_) {
      emptied_ = std::move(saved->heads);
    }
  }
  synced_size_ = checked_size_ = size_;
  if (size_ >= syntax_.header.size()) scan(file_bytes);
  doubt_last_rows();

  if (size_ < file_bytes) {
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) fail_errno();
    if (!again) spdlog::warn("'{}': cut off {} bytes of a half-written last line", path_, file_bytes - size_);
  }
  if (size_ == 0 && !syntax_.header.empty()) {
    buffer_ = syntax_.header;
    write_buffer();
    size_ = buffer_.size();
    buffer_.clear();
  }
  return heads_;
}

void RecordFile::reopen() {
  auto waiting = std::move(buffer_);
  open();
  buffer_ = std::move(waiting);
  for_each_buffered([this](const StreamKey& stream, std::uint64_t sequence) { note(stream, sequence); });
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
      if (syntax_.many_rows) keep_last_rows(stream, sequence, rest.substr(0, bytes));
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
  noted_ = true;
}

void RecordFile::keep_last_rows(const StreamKey& stream, std::uint64_t sequence, std::string_view row) {
  if (last_rows_.stream != stream || last_rows_.sequence != sequence) last_rows_ = {stream, sequence, {}, size_};
  last_rows_.text += row;
}

void RecordFile::doubt_last_rows() {
  if (last_rows_.text.empty()) return;
  if (last_rows_.sequence > 1)
    heads_[last_rows_.stream] = last_rows_.sequence - 1;
  else
    heads_.erase(last_rows_.stream);
  last_ = nullptr;
}

std::string_view RecordFile::rest_of(std::string_view text, const StreamKey& stream, std::uint64_t sequence) {
  if (last_rows_.text.empty() || last_rows_.stream != stream) return text;
  const auto found = std::exchange(last_rows_, {});
  const std::string_view rows(found.text.data(), found.text.size() - 1);
  if (found.sequence != sequence || !text.starts_with(rows)) return text;
  return text.size() == rows.size() ? std::string_view() : text.substr(rows.size() + 1);
}

template <typename Action>
void RecordFile::for_each_buffered(Action action) const {
  std::string_view rest = buffer_;
  for (std::size_t bytes; (bytes = syntax_.record_size(rest)) != std::string_view::npos; rest.remove_prefix(bytes)) {
    StreamKey stream;
    std::uint64_t sequence = 0;
    if (syntax_.read_position(rest.substr(0, bytes), stream, sequence)) action(stream, sequence);
  }
}

StreamHeads RecordFile::flushed_heads() const {
  StreamHeads heads = heads_;
  for_each_buffered([&](const StreamKey& stream, std::uint64_t sequence) {
    auto& head = heads[stream];
    head = std::min(head, sequence - 1);
  });
  std::erase_if(heads, [](const auto& head) { return head.second == 0; });
  return heads;
}

void RecordFile::append(std::string_view text, const SinkRecord& record) {
  const auto stream = record.stream();
  note(stream, record.sequence());
  if (syntax_.many_rows) text = rest_of(text, stream, record.sequence());
  if (!text.empty()) buffer_.append(text).append(1, '\n');
}

FileFate RecordFile::fate() const {
  struct stat ours {
  }, there{};
  if (fstat(fd_, &ours) != 0) fail_errno();
  if (ours.st_nlink == 0) fail("was removed");
  const bool is_there = stat(path_.c_str(), &there) == 0;
  if (!is_there && errno != ENOENT && errno != ENOTDIR) fail_errno();
  if (!is_there || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev) return FileFate::kMoved;
  const auto file_bytes = static_cast<std::uint64_t>(ours.st_size);
  if (file_bytes > size_) fail("somebody else has written into it");
  return file_bytes < size_ ? FileFate::kTruncated : FileFate::kInPlace;
}

FileFate RecordFile::flush() {
  if (buffer_.empty()) return FileFate::kInPlace;
  if (const auto found = fate(); found != FileFate::kInPlace) return found;
  write_buffer();
  struct stat status {};
  if (fstat(fd_, &status) != 0) fail_errno();
  if (const auto file_bytes = static_cast<std::uint64_t>(status.st_size); file_bytes < bytes()) {
    take_back(file_bytes);
    return FileFate::kTruncated;
  }
  size_ += buffer_.size();
  buffer_.clear();
  return FileFate::kInPlace;
}

void RecordFile::write_buffer() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno();
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

// It was truncated just before the append: the records may stand there without a header, or behind half a line.
void RecordFile::take_back(std::uint64_t file_bytes) {
  if (file_bytes < buffer_.size()) return;
  const auto rest = file_bytes - buffer_.size();
  std::string tail(buffer_.size(), '\0');
  if (read_at(fd_, tail.data(), tail.size(), rest) == static_cast<ssize_t>(tail.size()) && tail == buffer_ &&
      ftruncate(fd_, static_cast<off_t>(rest)) != 0)
    fail_errno();
}

void RecordFile::to_disk() {
  if (size_ == synced_size_) return;
  if (fdatasync(fd_) != 0) fail_errno();
  synced_size_ = size_;
}

void RecordFile::checkpoint() {
  if (size_ == checked_size_ && !(syntax_.many_rows && noted_)) return;
  checked_size_ = size_;
  noted_ = false;
  const auto offset = last_rows_.text.empty() ? size_ : last_rows_.offset;
  if (!save_heads(path_ + ".heads", {.offset = offset, .tail_check = tail_check(offset), .heads = heads_}))
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
