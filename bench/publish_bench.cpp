// What publishing costs in the calling thread, beside a real broker in this process: log_batch unwatched, with 8 named
// values, watched with 16 tiles of 32 x 32; log_scalars; step(). The p50 and p99 counters are nanoseconds per call.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <thread>

#include "tests/support/running_broker.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/tile_feed.hpp"

namespace trainbus {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTilePixels = 32;

// Times each call on its own and puts the quantiles beside the mean. The time of a clock reading (some 20 ns) is in.
class Quantiles {
 public:
  template <class Call>
  void time(const Call& call) {
    const auto start = Clock::now();
    call();
    nanoseconds_.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  void report(benchmark::State& state) {
    std::sort(nanoseconds_.begin(), nanoseconds_.end());
    state.counters["p50_ns"] = at(0.5);
    state.counters["p99_ns"] = at(0.99);
  }

 private:
  double at(double share) const {
    return nanoseconds_[static_cast<std::size_t>(share * static_cast<double>(nanoseconds_.size() - 1))];
  }
  std::vector<double> nanoseconds_;
};

ProducerOptions options(const std::string& broker) { return {.run = "bench", .trainer = "t0", .broker = broker}; }

// A training does something else between two batches: the caches are cold, the bus threads have had their turn.
void do_something_else() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

void LogBatchUnwatched(benchmark::State& state) {
  test::RunningBroker broker;
  Producer bus(options(broker.address()));
  Quantiles quantiles;
  const auto tiles = [](TileBatch&) {};
  std::int32_t batch = 0;
  for (auto _ : state) {
    quantiles.time([&] { benchmark::DoNotOptimize(bus.log_batch({.batch = batch++, .loss = 0.5}, tiles)); });
    if (state.range(0) != 0) do_something_else();
  }
  quantiles.report(state);
  state.counters["refused"] = static_cast<double>(bus.counters().refused);
}
// 0: as fast as possible; 1: paced.
BENCHMARK(LogBatchUnwatched)->Arg(0)->Iterations(100'000);
BENCHMARK(LogBatchUnwatched)->Arg(1)->Iterations(5'000);

// 8 values with names as people give them, in a braced list as in a training loop.
void LogBatchWithEightValues(benchmark::State& state) {
  test::RunningBroker broker;
  Producer bus(options(broker.address()));
  Quantiles quantiles;
  std::int32_t batch = 0;
  double value = 0.5;
  for (auto _ : state) {
    value += 1e-3;
    quantiles.time([&] {
      benchmark::DoNotOptimize(bus.log_batch({.epoch = 1,
                                              .batch = batch++,
                                              .batch_size = 64,
                                              .loss = value,
                                              .scalars = {{"gen_loss", value},
                                                          {"disc_loss", value + 1},
                                                          {"grad_norm", value + 2},
                                                          {"train/perplexity", value + 3},
                                                          {"train/tokens_per_second", value + 4},
                                                          {"reward/mean", value + 5},
                                                          {"reward/kl_divergence", value + 6},
                                                          {"optimizer/loss_scale", value + 7}}}));
    });
    if (state.range(0) != 0) do_something_else();
  }
  quantiles.report(state);
  state.counters["refused"] = static_cast<double>(bus.counters().refused + bus.counters().values_refused);
}
BENCHMARK(LogBatchWithEightValues)->Arg(0)->Iterations(100'000);
BENCHMARK(LogBatchWithEightValues)->Arg(1)->Iterations(5'000);

// A training that gives every value a name of its own: 2,000 go out, 8,000 are counted.
void LogTenThousandNames(benchmark::State& state) {
  test::RunningBroker broker;
  ProducerOptions silent = options(broker.address());
  silent.on_problem = nullptr;
  Producer bus(silent);
  std::map<std::string, double> values;
  for (int i = 0; i < 10'000; ++i)
    values["layer/" + std::to_string(i)] = i;
  Quantiles quantiles;
  for (auto _ : state)
    quantiles.time([&] { benchmark::DoNotOptimize(bus.log_scalars(values)); });
  quantiles.report(state);
}
BENCHMARK(LogTenThousandNames)->Iterations(100);

void LogBatchWatched(benchmark::State& state) {
  test::RunningBroker broker;
  ProducerOptions unlimited = options(broker.address());
  unlimited.max_tile_rate_hz = 0;
  Producer bus(unlimited);
  TileFeed feed(broker.address());
  feed.watch({"bench", "t0"});
  for (int turn = 0; turn < 5'000 && !bus.watched(); ++turn)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (!bus.watched()) return state.SkipWithError("nobody watches");
  const std::vector<std::uint8_t> pixels(kTilePixels * kTilePixels * 3, 100);
  const Prediction prediction{.predicted_class = 7, .label = "seven", .confidence = 0.9F};
  const auto tiles = [&](TileBatch& batch) {
    while (batch.room() > 0)
      batch.add(pixels.data(), kTilePixels, kTilePixels, 3, 0, 7, prediction);
  };
  Quantiles quantiles;
  std::int32_t batch = 0;
  for (auto _ : state) {
    quantiles.time([&] { benchmark::DoNotOptimize(bus.log_batch({.batch = batch++, .loss = 0.5}, tiles)); });
    do_something_else();
  }
  quantiles.report(state);
  state.counters["sent"] = static_cast<double>(bus.counters().tiles_sent);
}
BENCHMARK(LogBatchWatched)->Iterations(5'000);

void StepWithoutCommands(benchmark::State& state) {
  test::RunningBroker broker;
  Producer bus(options(broker.address()));
  for (auto _ : state)
    benchmark::DoNotOptimize(bus.step());
}
BENCHMARK(StepWithoutCommands);

}  // namespace
}  // namespace trainbus

BENCHMARK_MAIN();
