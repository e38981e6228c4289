#include "nvml.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace trainbus {
namespace {

using Handle = void*;  // nvmlDevice_t

constexpr int kSuccess = 0;
constexpr int kInsufficientSize = 7;
constexpr unsigned kMaxDevices = 64;
constexpr unsigned kMaxProcesses = 4096;  // of one device
constexpr unsigned kProcesses = 64;       // room for so many at first
constexpr unsigned kLookEvery = 10;
constexpr unsigned long long kNoMemory = std::numeric_limits<unsigned long long>::max();  // NVML_VALUE_NOT_AVAILABLE

struct Utilization {
  unsigned gpu;
  unsigned memory;
};
// nvmlProcessInfo_v1_t, and _v2_t. Version 3 of the function is passed over: its struct was another one for a while.
struct Process1 {
  unsigned pid;
  unsigned long long memory;
};
struct Process2 {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance;
  unsigned compute_instance;
};
template <class Process>
using ProcessesFunction = int (*)(Handle, unsigned*, Process*);

// Bytes of this process on the device; kNoMemory when they are not known. Empty: it has no context there.
template <class Process>
std::optional<unsigned long long> memory_of_this(ProcessesFunction<Process> list, Handle device) {
  std::vector<Process> processes(kProcesses);
  auto count = static_cast<unsigned>(processes.size());
  int result = list(device, &count, processes.data());
  if (result == kInsufficientSize) {
    processes.resize(std::min(count + kProcesses, kMaxProcesses));
    count = static_cast<unsigned>(processes.size());
    result = list(device, &count, processes.data());
  }
  if (result != kSuccess) return std::nullopt;
  processes.resize(std::min<std::size_t>(count, processes.size()));
  // One entry for each instance of a device that is shared out (MIG).
  std::optional<unsigned long long> bytes;
  for (const Process& process : processes) {
    if (process.pid != static_cast<unsigned>(getpid())) continue;
    const bool known = process.memory != kNoMemory && bytes.value_or(0) != kNoMemory;
    bytes = known ? bytes.value_or(0) + process.memory : kNoMemory;
  }
  return bytes;
}

}  // namespace

struct Nvml::Library {
  explicit Library(void* loaded) : object(loaded) {
    find(init, "nvmlInit_v2");
    find(shutdown, "nvmlShutdown");
    find(count, "nvmlDeviceGetCount_v2");
    find(handle, "nvmlDeviceGetHandleByIndex_v2");
    find(name, "nvmlDeviceGetName");
    find(utilization, "nvmlDeviceGetUtilizationRates");
    find(processes2, "nvmlDeviceGetComputeRunningProcesses_v2");
    find(processes1, "nvmlDeviceGetComputeRunningProcesses");
  }
  ~Library() {
    if (initialized && shutdown != nullptr) shutdown();
    dlclose(object);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <class Function>
  void find(Function& function, const char* symbol) {
    function = reinterpret_cast<Function>(dlsym(object, symbol));
  }

  void* object;
  bool initialized = false;
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, Handle*) = nullptr;
  int (*name)(Handle, char*, unsigned) = nullptr;
  int (*utilization)(Handle, Utilization*) = nullptr;
  ProcessesFunction<Process2> processes2 = nullptr;  // since driver 450
  ProcessesFunction<Process1> processes1 = nullptr;
};

struct Nvml::Device {
  Handle handle = nullptr;
  bool used = false;  // by this process, as seen last
};

std::unique_ptr<Nvml> Nvml::load() {
  void* object = dlopen("libnvidia-ml.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (object == nullptr) return nullptr;
  auto library = std::make_unique<Library>(object);
  if (library->init == nullptr || library->count == nullptr || library->handle == nullptr) return nullptr;
  library->initialized = library->init() == kSuccess;
  if (!library->initialized) return nullptr;
  std::unique_ptr<Nvml> nvml(new Nvml(std::move(library)));
  return nvml->devices_.empty() ? nullptr : std::move(nvml);
}

Nvml::Nvml(std::unique_ptr<Library> library) : library_(std::move(library)) {
  unsigned count = 0;
  if (library_->count(&count) != kSuccess) return;
  for (unsigned index = 0; index < std::min(count, kMaxDevices); ++index)
    if (Handle handle = nullptr; library_->handle(index, &handle) == kSuccess) devices_.push_back({handle, false});
}

Nvml::~Nvml() = default;

std::vector<std::string> Nvml::names() {
  std::vector<std::string> names;
  char name[96] = {};  // NVML_DEVICE_NAME_V2_BUFFER_SIZE
  for (const Device& device : devices_)
    if (library_->name != nullptr && library_->name(device.handle, name, sizeof name - 1) == kSuccess)
      names.emplace_back(name);
  return names;
}

Nvml::Use Nvml::use() {
  Use use;
  bool all_known = true;
  const bool look_at_all = calls_++ % kLookEvery == 0;
  for (Device& device : devices_) {
    if (!device.used && !look_at_all) continue;
    std::optional<unsigned long long> bytes;
    if (library_->processes2 != nullptr)
      bytes = memory_of_this(library_->processes2, device.handle);
    else if (library_->processes1 != nullptr)
      bytes = memory_of_this(library_->processes1, device.handle);
    device.used = bytes.has_value();
    if (!device.used) continue;
    all_known = all_known && *bytes != kNoMemory;
    use.memory_mb = use.memory_mb.value_or(0) + static_cast<double>(*bytes) / (1 << 20);
    Utilization busy{};
    if (library_->utilization != nullptr && library_->utilization(device.handle, &busy) == kSuccess)
      use.percent = std::max(use.percent.value_or(0), static_cast<double>(busy.gpu));
  }
  if (!all_known) use.memory_mb.reset();
  return use;
}

}  // namespace trainbus
