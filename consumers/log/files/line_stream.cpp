#include "line_stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <thread>

namespace trainbus {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kBufferBytes = 256 << 10;
constexpr std::chrono::seconds kReaderWithin{5};
constexpr std::chrono::milliseconds kTurn{50};

// The descriptor of this process that the path names. Opened again by that path, a file behind it would be written from
// its beginning.
std::optional<int> own_descriptor(std::string_view path) {
  if (path == "-" || path == "/dev/stdout") return STDOUT_FILENO;
  if (path == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    int number = -1;
    if (!path.starts_with(folder)) continue;
    const auto [end, error] = std::from_chars(path.data() + folder.size(), path.data() + path.size(), number);
    if (error == std::errc() && end == path.data() + path.size() && number >= 0) return number;
  }
  return std::nullopt;
}

}  // namespace

bool LineStream::is_one(const std::string& path) {
  if (own_descriptor(path)) return true;
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode));
}

void LineStream::fail(const std::string& why) const { throw std::runtime_error('\'' + path_ + "': " + why); }

void LineStream::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

StreamHeads LineStream::open() {
  close();
  buffer_.clear();
  buffered_.clear();
  if (const auto own = own_descriptor(path_)) {
    fd_ = fcntl(*own, F_DUPFD_CLOEXEC, 3);
    if (fd_ < 0) fail(std::strerror(errno));
    return heads_;
  }
  // A FIFO without a reader: ENXIO.
  const auto until = steady_clock::now() + kReaderWithin;
  while ((fd_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0) {
    if (errno != ENXIO && errno != EINTR) fail(std::strerror(errno));
    if (steady_clock::now() > until) fail("nobody reads it");
    std::this_thread::sleep_for(kTurn);
  }
  return heads_;
}

void LineStream::append(std::string_view text, const SinkRecord& record) {
  auto& head = buffered_[record.stream()];
  head = std::max(head, record.sequence());
  buffer_.append(text).append(1, '\n');
  if (buffer_.size() >= kBufferBytes) flush();
}

void LineStream::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (errno == EAGAIN) {
      pollfd room{fd_, POLLOUT, 0};
      poll(&room, 1, -1);
    } else if (errno == EPIPE) {
      if (own_descriptor(path_)) throw SinkOver('\'' + path_ + "': its reader has closed it: " + std::strerror(EPIPE));
      fail("its reader has closed it");
    } else if (errno != EINTR) {
      fail(std::strerror(errno));
    }
  }
  for (const auto& [stream, sequence] : buffered_)
    heads_[stream] = sequence;
  buffered_.clear();
  buffer_.clear();
}

}  // namespace trainbus
