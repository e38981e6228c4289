#pragma once
// Hands objects from one thread to another, in order: ownership travels, nothing is copied. Unbounded; who puts knows
// what is on its way.

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <mutex>
#include <system_error>

namespace trainbus {

template <class T>
class Mailbox {
 public:
  Mailbox() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Mailbox() { close(fd_); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread.
  void put(std::unique_ptr<T> value) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(value));
    if (waiting_.size() == 1) eventfd_write(fd_, 1);
  }
  // The receiving thread; nullptr when nothing waits.
  std::unique_ptr<T> take() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return nullptr;
    auto value = std::move(waiting_.front());
    waiting_.pop_front();
    eventfd_t seen = 0;
    if (waiting_.empty()) eventfd_read(fd_, &seen);
    return value;
  }
  // The receiving thread; waits at most this long, -1: without end.
  std::unique_ptr<T> wait(int timeout_ms) {
    pollfd item{fd_, POLLIN, 0};
    ::poll(&item, 1, timeout_ms);
    return take();
  }
  // Readable while something waits.
  int fd() const { return fd_; }

 private:
  const int fd_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<T>> waiting_;
};

}  // namespace trainbus
