#include "trainbus/file_limit.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace trainbus {

std::size_t raise_file_limit() {
  constexpr rlim_t kMost = 1'000'000;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1'024;
  if (limit.rlim_cur < std::min(limit.rlim_max, kMost)) {
    const rlim_t before = std::exchange(limit.rlim_cur, std::min(limit.rlim_max, kMost));
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  return static_cast<std::size_t>(std::min(limit.rlim_cur, kMost));
}

}  // namespace trainbus
