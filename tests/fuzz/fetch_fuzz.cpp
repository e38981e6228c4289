// Any fetch request to a small journal, page after page: it ends, and no page is larger than it may be.
#include <google/protobuf/stubs/logging.h>

#include <cstdio>

#include "broker/journal.hpp"
#include "tests/fuzz/fuzz_input.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr int kRecords = 60;

// Three streams, one with a gap that was given up.
std::string make_journal() {
  const std::string path = "/dev/shm/trainbus-fuzz-" + std::to_string(getpid()) + ".sqlite";
  StoreBatch batch;
  for (std::uint64_t stream = 1; stream <= 3; ++stream)
    batch.new_streams.push_back({stream, {"r", "t" + std::to_string(stream)}, 7, v1::KIND_BATCH, 0});
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    v1::MetricsRequest record;
    record.set_session_id("r/t" + std::to_string(1 + i % 3));
    record.set_incarnation(7);
    record.set_sequence(1 + i / 3 + (i % 3 == 2 ? 10 : 0));
    record.mutable_batch_data()->set_batch_idx(static_cast<int>(i));
    batch.add(1 + i % 3, record.sequence(), 0, 0, record.SerializeAsString());
  }
  batch.lost.push_back({3, 1, 10});
  JournalWriter(path, Durability::kProcess).append(batch);
  return path;
}

JournalReader& reader() {
  static const std::string path = make_journal();
  static JournalReader reader(path);
  static const bool removed = [] {
    for (const char* suffix : {"", "-wal", "-shm"})
      std::remove((path + suffix).c_str());
    return true;
  }();
  (void)removed;
  return reader;
}

}  // namespace
}  // namespace trainbus

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trainbus;
  const google::protobuf::LogSilencer quiet;
  v1::FetchRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) return 0;
  for (int pages = 0;; ++pages) {
    fuzz::require(pages <= kRecords);
    const auto reply = reader().fetch(request);
    fuzz::require(reply.records_size() <= kRecords);
    if (reply.at_end()) break;
    fuzz::require(reply.next_position() > request.after_position());
    request.set_after_position(reply.next_position());
    request.clear_heads();
  }
  return 0;
}
