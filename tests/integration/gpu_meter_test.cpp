// GPUs as the producer SDK sees them, through a libnvidia-ml.so.1 of the test's own in a trainer of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::eventually;
using testing::HasSubstr;
using testing::Not;

struct Seen {
  v1::ResourceUsage usage;
  std::string device;
};

// What a trainer says that finds the library in `folder` of the build and is told to fail so. `library` "": none.
Seen seen(const std::string& library, const std::string& failure = {}) {
  const std::string build = std::filesystem::path(TRAINBUS_BIN).parent_path();
  test::RunningBroker broker;
  test::Process trainer("/usr/bin/env",
                        {"LD_LIBRARY_PATH=" + (library.empty() ? "" : build + '/' + library), "FAKE_NVML=" + failure,
                         build + "/test-nvml/metered_trainer", broker.address()});
  Seen seen;
  Consumer consumer({.broker = broker.address(), .kinds = {v1::KIND_PERF, v1::KIND_STATUS}});
  EXPECT_TRUE(eventually(
      "a measured perf record",
      [&] {
        while (const Record* record = consumer.next(milliseconds(1))) {
          if (record->message.has_status_update())
            seen.device = record->message.status_update().config().parameters().at("env/device");
          else
            seen.usage = record->message.performance_data().resource_usage();
        }
        return seen.usage.has_cpu_percent() && !seen.device.empty();
      },
      seconds(20)))
      << trainer.output();
  EXPECT_GT(seen.usage.memory_mb(), 1);
  return seen;
}

TEST(GpuMeter, MeasuresTheDevicesOfThisProcessOnly) {
  for (const std::string library : {"test-nvml", "test-nvml-v1"}) {
    const auto [usage, device] = seen(library);
    EXPECT_EQ(usage.gpu_percent(), 75) << library << ": the busiest of its own";
    EXPECT_EQ(usage.gpu_memory_mb(), 1024) << library;
    EXPECT_THAT(device, HasSubstr("; 2 x Fake H100 80GB; 1 x Fake T4"));
  }
}

TEST(GpuMeter, WhatTheLibraryDoesNotKnowIsNotSaid) {
  const auto busy = seen("test-nvml", "busy").usage;
  EXPECT_FALSE(busy.has_gpu_percent());
  EXPECT_EQ(busy.gpu_memory_mb(), 1024);
  const auto memory = seen("test-nvml", "memory").usage;
  EXPECT_EQ(memory.gpu_percent(), 75);
  EXPECT_FALSE(memory.has_gpu_memory_mb()) << "of one device only is not of all";
  EXPECT_THAT(seen("test-nvml", "names").device, Not(HasSubstr("Fake")));
}

TEST(GpuMeter, WithoutALibraryOrADeviceNothingIsSaidOfGpus) {
  for (const auto& [library, failure] : {std::pair("", ""), std::pair("test-nvml", "init"),
                                         std::pair("test-nvml", "none"), std::pair("test-nvml", "list")}) {
    const auto usage = seen(library, failure).usage;
    EXPECT_FALSE(usage.has_gpu_percent()) << failure;
    EXPECT_FALSE(usage.has_gpu_memory_mb()) << failure;
  }
}

}  // namespace
}  // namespace trainbus
