// What SQLite takes to keep a record, by the shape it is kept in: a row each with and without the index that finds it
// by its stream, clustered by stream, and blocks of records that fill a page. Why the journal's file is as it is.
// Arguments: bytes a record, streams, records a commit, bytes of a page. CPU time is what counts; it includes the
// checkpoints that copy what was written from the WAL into the file. `file` is what a record takes on disk.

#include <benchmark/benchmark.h>
#include <unistd.h>
#include <zlib.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

#include "broker/sqlite.hpp"

namespace {

using namespace trainbus;

struct Record {
  std::uint64_t stream = 0;
  std::uint64_t sequence = 0;
};

enum class Shape { kRows, kRowsWithIndex, kClustered, kBlocks };

class Keeper {
 public:
  Keeper(Shape shape, std::size_t page_bytes) : shape_(shape), block_bytes_(page_bytes - 512) {
    std::filesystem::create_directory(folder_);
    database_ = open_sqlite(folder_ + "/bench.sqlite", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    run("PRAGMA page_size=" + std::to_string(page_bytes));
    run("PRAGMA auto_vacuum=INCREMENTAL");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=NORMAL");
    run("PRAGMA wal_autocheckpoint=" + std::to_string((16 << 20) / page_bytes));
    if (shape == Shape::kBlocks) {
      run("CREATE TABLE blocks(position INTEGER PRIMARY KEY, directory TEXT, data BLOB)");
      insert_ = Statement(database_.get(), "INSERT INTO blocks VALUES(?,?,?)");
      return;
    }
    const std::string columns = "stream INTEGER, sequence INTEGER, timestamp_ms INTEGER, crc INTEGER, body BLOB";
    if (shape == Shape::kClustered)
      run("CREATE TABLE records(position INTEGER, " + columns + ", PRIMARY KEY(stream, sequence)) WITHOUT ROWID");
    else
      run("CREATE TABLE records(position INTEGER PRIMARY KEY, " + columns +
          (shape == Shape::kRowsWithIndex ? ", UNIQUE(stream, sequence))" : ")"));
    insert_ = Statement(database_.get(), "INSERT INTO records VALUES(?,?,?,?,?,?)");
  }
  ~Keeper() {
    insert_ = {};
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void commit(const std::vector<Record>& records, std::string_view body) {
    run("BEGIN IMMEDIATE");
    for (const auto& record : records) {
      const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
      ++position_;
      if (shape_ == Shape::kBlocks)
        add_to_block(record, crc, body);
      else
        insert_.bind(position_, record.stream, record.sequence, std::uint64_t{kTime}, crc, body).run();
    }
    if (!directory_.empty()) end_block();
    run("COMMIT");
  }
  double file_bytes() const { return static_cast<double>(std::filesystem::file_size(folder_ + "/bench.sqlite")); }

 private:
  static constexpr std::int64_t kTime = 1'790'000'000'000;

  void run(const std::string& sql) { execute(database_.get(), sql.c_str()); }
  void add_to_block(const Record& record, std::uint64_t crc, std::string_view body) {
    char entry[128];
    char* end = entry;
    *end++ = directory_.empty() ? '[' : ',';
    char before = '[';
    for (const std::uint64_t field : {record.stream, record.sequence, std::uint64_t{kTime}, std::uint64_t{0},
                                      std::uint64_t{data_.size()}, std::uint64_t{body.size()}, crc}) {
      *end++ = before;
      end = std::to_chars(end, entry + sizeof entry, field).ptr;
      before = ',';
    }
    *end++ = ']';
    const auto length = static_cast<std::size_t>(end - entry);
    if (!directory_.empty() && directory_.size() + length + data_.size() + body.size() > block_bytes_) {
      end_block();
      add_to_block(record, crc, body);
      return;
    }
    directory_.append(entry, length);
    data_.append(body);
  }
  void end_block() {
    directory_ += ']';
    insert_.bind(position_, std::string_view(directory_), std::string_view(data_)).run();
    directory_.clear();
    data_.clear();
  }

  const Shape shape_;
  const std::size_t block_bytes_;
  const std::string folder_ = std::filesystem::temp_directory_path() / ("journal-format-" + std::to_string(getpid()));
  SqliteDatabase database_;
  Statement insert_;
  std::uint64_t position_ = 0;
  std::string directory_, data_;
};

void keep(benchmark::State& state, Shape shape) {
  Keeper keeper(shape, static_cast<std::size_t>(state.range(3)));
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  const auto streams = static_cast<std::uint64_t>(state.range(1));
  std::vector<Record> records(static_cast<std::size_t>(state.range(2)));
  std::uint64_t made = 0;
  for (auto _ : state) {
    for (auto& record : records) {
      record = {1 + made % streams, 1 + made / streams};
      ++made;
    }
    keeper.commit(records, body);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(made));
  state.counters["us_a_record"] =
      benchmark::Counter(static_cast<double>(made) / 1e6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["file"] = keeper.file_bytes() / static_cast<double>(made);
}

void arguments(benchmark::internal::Benchmark* bench) {
  constexpr int kCommits = 100;
  for (const int page : {4096, 8192, 16384, 32768, 65536})
    for (const int bytes : {300, 1200})
      for (const int streams : {1, 100})
        bench->Args({bytes, streams, 3000, page});
  bench->Iterations(kCommits)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(keep, rows_with_index, Shape::kRowsWithIndex)->Apply(arguments);
BENCHMARK_CAPTURE(keep, rows, Shape::kRows)->Apply(arguments);
BENCHMARK_CAPTURE(keep, clustered, Shape::kClustered)->Apply(arguments);
BENCHMARK_CAPTURE(keep, blocks, Shape::kBlocks)->Apply(arguments);

}  // namespace

BENCHMARK_MAIN();
