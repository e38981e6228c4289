#pragma once
// NVIDIA's management library, where there is one.

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace trainbus {

// Loads libnvidia-ml.so.1 at run time. Single-threaded. Each call asks the driver, some 0.1 to 1 ms for each device.
// Types and numbers are those of the NVML API reference; what the library does not know is not said.
class Nvml {
 public:
  // Null when there is no such library, it cannot be initialized, or it knows no device.
  static std::unique_ptr<Nvml> load();
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // The product name of every device that has one.
  std::vector<std::string> names();

  struct Use {
    std::optional<double> percent;    // of the busiest device
    std::optional<double> memory_mb;  // this process's, over the devices
  };
  // Of the devices on which this process has a compute context; empty when there are none. A container with process
  // numbers of its own may hide them. Devices without a context are asked about it at every tenth call only.
  Use use();

 private:
  struct Library;
  struct Device;

  explicit Nvml(std::unique_ptr<Library> library);

  std::unique_ptr<Library> library_;
  std::vector<Device> devices_;
  unsigned calls_ = 0;
};

}  // namespace trainbus
