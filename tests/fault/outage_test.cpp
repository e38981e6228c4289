// The link is gone in the middle of a training, for half a minute: the training does not feel it, and nothing is lost.

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <numeric>

#include "tests/support/eventually.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/journal_content.hpp"
#include "tests/support/running_broker.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/ledger.hpp"
#include "trainbus/producer.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::eventually;

// A batch's worth of work: about 1 ms. Volatile, or two calls in a row are one to the compiler.
volatile int rounds = 150'000;
double train() {
  double sum = 0;
  for (int i = 1, end = rounds; i < end; ++i)
    sum += 1.0 / (i * (sum + 1));
  return sum;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

class OutageTest : public testing::Test {
 protected:
  OutageTest() {
    ProducerOptions options;
    options.run = "r";
    options.trainer = "t";
    options.broker = proxy_.address();
    options.spool_dir = spool_ / "spool";
    options.meter_resources = false;  // what is logged is counted
    options.heartbeat_interval = 500ms;
    bus_ = std::make_unique<Producer>(options);
  }

  struct Pace {
    double step_ratio = 0;  // median time of a step with the bus, against the same work without
    double slowest_call_ms = 0;
    int waits = 0;  // calls that took 100 ms or longer (patience: a busy machine holds up anybody)
    int steps = 0;
  };
  // Every other step is without the bus, so that whatever else the machine does falls out of the ratio.
  Pace train_for(std::chrono::seconds time) {
    Pace pace;
    std::vector<double> with, without;
    const auto ms = [](Clock::duration duration) {
      return std::chrono::duration<double, std::milli>(duration).count();
    };
    for (const auto until = Clock::now() + time; Clock::now() < until; ++pace.steps) {
      const test::Patience patience(100ms);
      const auto started = Clock::now();
      const double loss = train();
      const auto trained = Clock::now();
      EXPECT_TRUE(bus_->step());
      EXPECT_TRUE(bus_->log_batch({.epoch = 1, .batch = logged_++, .batch_size = 8, .loss = loss, .accuracy = 0.5}));
      const auto done = Clock::now();
      pace.waits += patience.over() ? 1 : 0;
      reference_loss_ = train();
      without.push_back(ms(Clock::now() - done));
      with.push_back(ms(done - started));
      pace.slowest_call_ms = std::max(pace.slowest_call_ms, ms(done - trained));
      std::this_thread::sleep_until(started + 10ms);
    }
    pace.step_ratio = median(with) / median(without);
    return pace;
  }
  static void print(const char* when, const Pace& pace) {
    std::cout << when << ": " << pace.steps << " steps, with / without bus " << pace.step_ratio << ", slowest call "
              << pace.slowest_call_ms << " ms" << std::endl;
  }
  void expect_same_speed(const Pace& before, const Pace& during) {
    print("before", before);
    print("during", during);
    EXPECT_LT(during.step_ratio, before.step_ratio * 1.1);
    EXPECT_EQ(during.waits, 0) << "the loop waited";
  }
  void expect_everything_once_in_order() {
    const auto logged = static_cast<std::size_t>(logged_);
    ASSERT_TRUE(eventually(
        "all is stored", [&] { return bus_->counters().stored == logged; }, 30s));
    EXPECT_EQ(bus_->counters().in_outbox, 0u);
    v1::FetchRequest batches;
    batches.add_kinds(v1::KIND_BATCH);
    std::vector<int> stored;
    for (const auto& record : test::journal_content(broker_.endpoints(), batches).records)
      stored.push_back(record.batch_data().batch_idx());
    std::vector<int> expected(logged);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(stored, expected);
  }
  void expect_closed_ledger() {
    ControlClient control(broker_.address());
    EXPECT_TRUE(eventually("the ledger closes", [&] {
      const auto list = control.list("r", 30s);
      if (!list || list->trainers_size() != 1) return false;
      const auto ledger = ledger_of(list->trainers(0));
      return ledger.heard && ledger.open_sums().empty() && !ledger.records.empty() &&
             ledger.records[0].produced == static_cast<std::uint64_t>(logged_) && ledger.records[0].in_outbox() == 0;
    }));
  }

  test::TempDir spool_;
  test::RunningBroker broker_;
  test::FaultProxy proxy_{broker_.endpoints()};
  std::unique_ptr<Producer> bus_;
  int logged_ = 0;
  volatile double reference_loss_ = 0;  // so that the work is done
};

TEST_F(OutageTest, HalfAMinuteOfSilenceIsNotFeltByTheTrainingAndLosesNothing) {
  ASSERT_TRUE(eventually("connected", [&] { return bus_->connected(); }));
  const Pace before = train_for(5s);
  proxy_.blackGap(true);
  const Pace during = train_for(30s);
  EXPECT_FALSE(bus_->connected());
  proxy_.blackGap(false);
  expect_same_speed(before, during);
  expect_everything_once_in_order();
  expect_closed_ledger();
}

TEST_F(OutageTest, AHardCutIsNotFeltByTheTrainingAndLosesNothing) {
  ASSERT_TRUE(eventually("connected", [&] { return bus_->connected(); }));
  const Pace before = train_for(4s);
  proxy_.cut(true);
  const Pace during = train_for(6s);
  EXPECT_FALSE(bus_->connected());
  proxy_.cut(false);
  expect_same_speed(before, during);
  expect_everything_once_in_order();
  expect_closed_ledger();
}

}  // namespace
}  // namespace trainbus
