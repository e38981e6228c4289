#pragma once
// The bus thread: every kept record and heartbeat, handed on in batches.
//
// Bounded: at most kMaxBatchesInFlight batches of kMaxBatchRecords are on their way; then the thread waits, and the
// consumer SDK fetches from the journal what it could not hold.

#include <atomic>
#include <functional>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include "bus_model.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

struct BusBatch {
  std::vector<std::shared_ptr<const Record>> records;  // none: only the state is news
  BusState state;
};

class BusFeed {
 public:
  static constexpr std::size_t kMaxBatchRecords = 256;
  static constexpr std::ptrdiff_t kMaxBatchesInFlight = 8;

  // `deliver` is called in the feed's thread and must not block. `broker` has been checked.
  BusFeed(std::string broker, std::function<void(BusBatch)> deliver);
  ~BusFeed();  // ends the thread, within 100 ms

  // Any thread: a delivered batch was taken in.
  void taken() { room_.release(); }

 private:
  void run();
  BusBatch collect(Consumer& consumer);
  bool wait_for_room();

  const std::string broker_;
  std::function<void(BusBatch)> deliver_;
  std::counting_semaphore<kMaxBatchesInFlight> room_{kMaxBatchesInFlight};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace trainbus
