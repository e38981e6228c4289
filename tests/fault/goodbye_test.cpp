// A broker that is told to stop: every peer knows at once, not after seconds of silence.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "tests/support/eventually.hpp"
#include "tests/support/process.hpp"
#include "tests/support/temp_dir.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using test::Process;

class Peers {
 public:
  Peers(const std::string& broker, const std::string& spool) {
    for (int i = 0; i < kEach; ++i) {
      consumers_.push_back(std::make_unique<Consumer>(ConsumerOptions{.broker = broker}));
      trainers_.push_back(std::make_unique<Producer>(ProducerOptions{.run = "r",
                                                                     .trainer = "t" + std::to_string(i),
                                                                     .broker = broker,
                                                                     .spool_dir = spool,
                                                                     .meter_resources = false}));
    }
  }
  // Reads a little, and counts who is connected.
  int connected() {
    for (auto& consumer : consumers_)
      for (int i = 0; i < 100 && consumer->next(0ms) != nullptr; ++i) {
      }
    const auto is_connected = [](const auto& peer) { return peer->connected(); };
    return static_cast<int>(std::count_if(consumers_.begin(), consumers_.end(), is_connected) +
                            std::count_if(trainers_.begin(), trainers_.end(), is_connected));
  }
  static constexpr int kEach = 12;

 private:
  std::vector<std::unique_ptr<Consumer>> consumers_;
  std::vector<std::unique_ptr<Producer>> trainers_;
};

// Under load, and with consumers that are busy with something else while the broker ends.
TEST(Goodbye, IsKnownToEveryConsumerAndTrainerOfABusyBrokerAtOnce) {
  test::TempDir folder;
  std::string listen = "tcp://127.0.0.1:*";
  for (int round = 0; round < 3; ++round) {
    Process broker("trainbus-broker", {"--listen", listen, "--state-dir", folder / "state"});
    const auto address = broker.wait_for("listening on ");
    ASSERT_TRUE(address) << broker.output();
    listen = *address;
    Process load("trainbus-loadgen", {"--broker", listen, "--trainers", "4", "--batch-rate", "200"});
    Peers peers(listen, folder / "spool");
    ASSERT_TRUE(eventually("everybody is connected", [&] { return peers.connected() == 2 * Peers::kEach; }));
    broker.signal(SIGTERM);
    EXPECT_EQ(broker.wait(5s), 0) << broker.output();
    EXPECT_TRUE(eventually(
        "everybody knows", [&] { return peers.connected() == 0; }, 1s));
  }
}

}  // namespace
}  // namespace trainbus
