// A spool on a file system that does not answer, as an NFS server that went away: every call waits. Neither the
// training nor its end waits with it, and nothing is lost.

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "tests/support/eventually.hpp"
#include "tests/support/patience.hpp"
#include "tests/support/running_broker.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/spool.hpp"

namespace {

// Every spool file begins with a call to posix_fallocate(), which is this program's own, below.
class FileSystem {
 public:
  void stall(bool stalled) {
    const std::lock_guard lock(mutex_);
    stalled_ = stalled;
    changed_.notify_all();
  }
  void answer() {
    std::unique_lock lock(mutex_);
    asked_ += stalled_ ? 1 : 0;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !stalled_; });
  }
  void wait_until_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return asked_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stalled_ = false;
  int asked_ = 0;  // while it is stalled
};

FileSystem& file_system() {
  static auto& system = *new FileSystem;  // the thread that hangs in it may outlive everything else
  return system;
}

}  // namespace

extern "C" int posix_fallocate(int fd, off_t offset, off_t length) {
  static const auto real = reinterpret_cast<int (*)(int, off_t, off_t)>(dlsym(RTLD_NEXT, "posix_fallocate"));
  file_system().answer();
  return real(fd, offset, length);
}

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::RunningBroker;

constexpr int kBatches = 2000;

class StalledSpool : public testing::Test {
 protected:
  ~StalledSpool() override { file_system().stall(false); }

  ProducerOptions options(const std::string& broker) const {
    return {.run = "r", .trainer = "t", .broker = broker, .spool_dir = folder_ / "spool", .meter_resources = false};
  }
  static void train(Producer& bus) {
    for (int batch = 0; batch < kBatches; ++batch)
      ASSERT_TRUE(bus.log_batch({.epoch = 1, .batch = batch, .loss = 0.5})) << batch;
  }

  const test::TempDir folder_;
};

TEST_F(StalledSpool, HoldsUpNeitherTheTrainingNorItsRecordsNorItsEnd) {
  RunningBroker broker;
  file_system().stall(true);
  const test::Patience patience(20s);
  Producer bus(options(broker.address()));
  train(bus);
  file_system().wait_until_asked();
  EXPECT_TRUE(eventually("the broker has them", [&] { return bus.counters().stored >= kBatches; }));
  EXPECT_TRUE(bus.finish(v1::COMPLETED));
  EXPECT_FALSE(patience.over());
  EXPECT_EQ(bus.counters().lost, 0u);
}

TEST_F(StalledSpool, WithoutABrokerWhatWaitedInMemoryIsDeliveredLater) {
  const std::string address = RunningBroker(folder_ / "state").address();
  file_system().stall(true);
  {
    const test::Patience patience(20s);
    Producer bus(options(address));
    train(bus);
    file_system().wait_until_asked();
    EXPECT_FALSE(bus.close(1s));
    EXPECT_FALSE(patience.over());
    EXPECT_THAT(bus.spool_problem(), testing::HasSubstr("does not answer"));
  }
  file_system().stall(false);
  const RunningBroker broker(folder_ / "state", address);
  std::uint64_t delivered = 0;
  EXPECT_TRUE(eventually("what was left is delivered", [&] {
    delivered += spool_send(folder_ / "spool", broker.address(), 5s).delivered;
    return delivered >= kBatches;
  }));
}

}  // namespace
}  // namespace trainbus
