#include "resource_meter.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace trainbus {
namespace {

std::optional<double> cpu_seconds() {
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) != 0) return std::nullopt;
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return in_seconds(used.ru_utime) + in_seconds(used.ru_stime);
}

std::optional<double> resident_mb() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> statm(std::fopen("/proc/self/statm", "re"), std::fclose);
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (!statm || std::fscanf(statm.get(), "%llu %llu", &total, &resident) != 2) return std::nullopt;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace

ResourceMeter::ResourceMeter(Clock::time_point now) : measured_at_(now), cpu_sec_(cpu_seconds()) {}

Resources ResourceMeter::measure(Clock::time_point now) {
  if (!std::exchange(looked_for_gpus_, true)) gpus_ = Nvml::load();
  Resources resources;
  const auto cpu_sec = cpu_seconds();
  const double wall_sec = std::chrono::duration<double>(now - measured_at_).count();
  if (cpu_sec && cpu_sec_ && wall_sec > 0) resources.cpu_percent = 100 * (*cpu_sec - *cpu_sec_) / wall_sec;
  resources.memory_mb = resident_mb();
  if (gpus_) {
    const Nvml::Use use = gpus_->use();
    resources.gpu_percent = use.percent;
    resources.gpu_memory_mb = use.memory_mb;
  }
  measured_at_ = now;
  cpu_sec_ = cpu_sec;
  return resources;
}

}  // namespace trainbus
