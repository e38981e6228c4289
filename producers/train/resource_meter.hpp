#pragma once

#include <chrono>

namespace trainbus {

// What this process uses, measured anew at most twice a second.
class ResourceMeter {
 public:
  struct Usage {
    double cpu_percent = 0;  // of one core, since the measurement before
    double memory_mb = 0;    // resident
  };
  ResourceMeter();
  const Usage& usage();

 private:
  void measure(std::chrono::steady_clock::time_point now);

  std::chrono::steady_clock::time_point measured_at_;
  double cpu_sec_ = 0;
  Usage usage_;
};

}  // namespace trainbus
