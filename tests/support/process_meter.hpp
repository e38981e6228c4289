#pragma once
// What another process uses now, as /proc says.

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace trainbus::test {

// A field of /proc/PID/status in MiB: "VmRSS", "VmHWM" (the most it ever had). 0 when the process is gone.
inline long memory_mib(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ':')) return std::stol(line.substr(field.size() + 1)) / 1024;
  return 0;
}

inline long open_descriptors(pid_t pid) {
  std::error_code gone;
  long count = 0;
  for (auto entry = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", gone);
       !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone))
    ++count;
  return count;
}

}  // namespace trainbus::test
