#pragma once
// A well-behaved trainer and a well-behaved consumer of everything, side by side on one broker, while others misbehave.
// The oracle: each batch of the trainer reaches the consumer once, in order, within seconds (patience).

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/support/patience.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/producer.hpp"

namespace trainbus::test {

class Witness {
 public:
  static constexpr std::chrono::seconds kMaxAge{10};

  explicit Witness(const std::string& address)
      : producer_({.run = "witness", .trainer = "t0", .broker = address, .spool_dir = {}}),
        consumer_thread_([this, address] { consume(address); }),
        trainer_thread_([this] { train(); }) {}
  ~Witness() {
    training_ = consuming_ = false;
    for (auto* thread : {&trainer_thread_, &consumer_thread_})
      if (thread->joinable()) thread->join();
  }

  std::uint64_t incarnation() const { return producer_.incarnation(); }
  bool arriving() const { return received_ > 0; }

  // Ends the training and waits for the last record.
  ::testing::AssertionResult lost_nothing() {
    training_ = false;
    trainer_thread_.join();
    if (!producer_.close(std::chrono::seconds(60)))
      return ::testing::AssertionFailure() << producer_.counters().in_outbox << " batches were never acknowledged";
    const auto arrived = eventually("all batches arrived", [&] { return received_ >= logged_; });
    consuming_ = false;
    consumer_thread_.join();
    if (!arrived || received_ != logged_ || out_of_order_ != 0)
      return ::testing::AssertionFailure()
             << "logged " << logged_ << ", received " << received_ << ", " << out_of_order_ << " of them not the next";
    if (late_ > 0)
      return ::testing::AssertionFailure() << late_ << " batches came late, the slowest took " << oldest_ms_ << " ms";
    return ::testing::AssertionSuccess() << logged_ << " batches, the slowest took " << oldest_ms_ << " ms";
  }

 private:
  void train() {
    for (int batch = 0; training_; ++batch) {
      {
        const std::lock_guard lock(mutex_);
        on_their_way_.emplace_back(kMaxAge);
      }
      if (producer_.log_batch({.epoch = 1, .batch = batch, .batch_size = 1, .loss = 0.5, .accuracy = 0.5})) ++logged_;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  void consume(const std::string& address) {
    Consumer bus({.broker = address});
    std::uint64_t last = 0;
    while (consuming_) {
      const Record* record = bus.next(std::chrono::milliseconds(20));
      if (record == nullptr || record->message.incarnation() != producer_.incarnation() ||
          record->topic.kind != v1::KIND_BATCH)
        continue;
      if (record->message.sequence() != ++last) ++out_of_order_;
      oldest_ms_ = std::max<std::int64_t>(oldest_ms_, unix_ms() - record_ms(record->message));
      if (!came_in_time()) ++late_;
      ++received_;
    }
  }
  bool came_in_time() {
    const std::lock_guard lock(mutex_);
    if (on_their_way_.empty()) return true;  // more came than were logged, which is found by their numbers
    const bool in_time = !on_their_way_.front().over();
    on_their_way_.pop_front();
    return in_time;
  }

  Producer producer_;
  std::atomic<bool> training_{true}, consuming_{true};
  std::atomic<std::uint64_t> logged_{0}, received_{0}, out_of_order_{0}, late_{0};
  std::atomic<std::int64_t> oldest_ms_{0};
  std::mutex mutex_;
  std::deque<Patience> on_their_way_;  // guarded; of each batch, from before it is logged
  std::thread consumer_thread_, trainer_thread_;
};

}  // namespace trainbus::test
