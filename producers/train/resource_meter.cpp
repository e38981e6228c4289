#include "resource_meter.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace trainbus {
namespace {

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace

ResourceMeter::ResourceMeter() : measured_at_(std::chrono::steady_clock::now()), cpu_sec_(cpu_seconds()) {}

const ResourceMeter::Usage& ResourceMeter::usage() {
  const auto now = std::chrono::steady_clock::now();
  if (usage_.memory_mb == 0 || now - measured_at_ >= std::chrono::milliseconds(500)) measure(now);
  return usage_;
}

void ResourceMeter::measure(std::chrono::steady_clock::time_point now) {
  const double cpu_sec = cpu_seconds();
  const double wall_sec = std::chrono::duration<double>(now - measured_at_).count();
  usage_ = {.cpu_percent = wall_sec > 0 ? 100 * (cpu_sec - cpu_sec_) / wall_sec : 0, .memory_mb = resident_mb()};
  measured_at_ = now;
  cpu_sec_ = cpu_sec;
}

}  // namespace trainbus
