#pragma once
// Limits of time that a busy machine does not break.

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

namespace trainbus::test {

// For how long, since the machine started, somebody had to wait for a processor (Linux's pressure stall information).
// 0 where the kernel does not say: then every limit is one of plain time.
inline std::chrono::microseconds waited_for_a_processor() {
  static const int fd = open("/proc/pressure/cpu", O_RDONLY | O_CLOEXEC);
  char text[256];
  const ssize_t size = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
  if (size <= 0) return {};
  text[size] = '\0';
  const char* total = std::strstr(text, "total=");  // of the line "some", which is the first
  return std::chrono::microseconds(total == nullptr ? 0 : std::strtoll(total + std::strlen("total="), nullptr, 10));
}

// Is over after `limit` of time in which everybody who could run did run. So a test states what it would see on a
// machine of its own, and what else runs on this one only lengthens the wait: by kMostMore, then it is over as well.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kMostMore{60};

  explicit Patience(Clock::duration limit) : limit_(limit) {}

  bool over() const {
    const auto passed = Clock::now() - started_;
    if (passed < limit_) return false;
    return passed >= limit_ + kMostMore || passed - (waited_for_a_processor() - waited_before_) >= limit_;
  }

 private:
  Clock::duration limit_;
  Clock::time_point started_ = Clock::now();
  std::chrono::microseconds waited_before_ = waited_for_a_processor();
};

}  // namespace trainbus::test
