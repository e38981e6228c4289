#pragma once
// What this process uses of the machine.

#include <chrono>
#include <memory>
#include <optional>

#include "nvml.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {

// Single-threaded. What cannot be measured is not said. The first measurement looks for GPUs, which may take a second
// where the driver sleeps; the following ones take some 10 µs, and up to 1 ms for each GPU.
class ResourceMeter {
 public:
  using Clock = std::chrono::steady_clock;

  // CPU time counts from here.
  explicit ResourceMeter(Clock::time_point now);

  // CPU is of the time since the last measurement.
  Resources measure(Clock::time_point now);

 private:
  Clock::time_point measured_at_;
  std::optional<double> cpu_sec_;
  bool looked_for_gpus_ = false;
  std::unique_ptr<Nvml> gpus_;
};

}  // namespace trainbus
