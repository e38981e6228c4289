// What a built-in sink costs per batch record: its own work, without the bus. Arguments: trainers that take turns, and
// named values in each record.
#include <benchmark/benchmark.h>

#include "consumers/log/files/csv_sink.hpp"
#include "consumers/log/files/jsonl_sink.hpp"
#include "consumers/log/sqlite/sqlite_sink.hpp"
#include "consumers/log/tensorboard/tensorboard_sink.hpp"
#include "tests/support/sample_records.hpp"
#include "tests/support/sink_under_test.hpp"
#include "tests/support/temp_dir.hpp"

namespace {

using namespace trainbus;

constexpr std::uint64_t kRecordsPerFlush = 1000;  // 10,000 a second, flushed ten times a second

template <typename Made>
void write_batches(benchmark::State& state, const char* option) {
  const test::TempDir dir;
  test::SinkUnderTest<Made> sink(test::OptionValues{{option, dir / "x"}});
  sink.open();
  const auto trainers = static_cast<std::uint64_t>(state.range(0));
  std::vector<Record> records;
  for (std::uint64_t trainer = 0; trainer < trainers; ++trainer)
    records.push_back(test::sample_batch(1, "t" + std::to_string(trainer)));
  for (auto& record : records) {
    record.message.mutable_batch_data()->set_learning_rate(0.01);
    for (int value = 0; value < state.range(1); ++value)
      (*record.message.mutable_batch_data()->mutable_scalars())["group/value_" + std::to_string(value)] = 0.1 * value;
  }
  std::uint64_t count = 0;
  for (auto _ : state) {
    auto& record = records[count % trainers];
    const auto sequence = ++count / trainers + 1;
    record.message.set_sequence(sequence);
    record.message.mutable_batch_data()->set_step(sequence);
    sink.write(record);
    if (count % kRecordsPerFlush == 0) sink.flush();
  }
  sink.flush();
  state.SetItemsProcessed(static_cast<std::int64_t>(count));
}

void sqlite(benchmark::State& state) { write_batches<SqliteSink>(state, "path"); }
BENCHMARK(sqlite)->Args({1, 0})->Args({1000, 0})->Args({1, 8})->Args({20, 8})->Iterations(500'000);

void jsonl(benchmark::State& state) { write_batches<JsonlSink>(state, "path"); }
BENCHMARK(jsonl)->Args({1, 0})->Args({1, 8})->Args({20, 8})->Iterations(500'000);

void csv(benchmark::State& state) { write_batches<CsvSink>(state, "path"); }
BENCHMARK(csv)->Args({1, 0})->Args({20, 8})->Iterations(500'000);

void tensorboard(benchmark::State& state) { write_batches<TensorboardSink>(state, "folder"); }
BENCHMARK(tensorboard)
    ->Args({1, 0})
    ->Args({1000, 0})
    ->Args({1, 8})
    ->Args({20, 8})
    ->Args({1000, 8})
    ->Iterations(500'000);

// What a start costs that finds a million events.
void tensorboard_open(benchmark::State& state) {
  const test::TempDir dir;
  test::SinkUnderTest<TensorboardSink> sink(test::OptionValues{{"folder", dir / "x"}});
  sink.open();
  for (std::uint64_t sequence = 1; sequence <= 1'000'000; ++sequence)
    sink.write(test::sample_batch(sequence));
  sink.flush();
  for (auto _ : state)
    sink.open();
}
BENCHMARK(tensorboard_open)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
