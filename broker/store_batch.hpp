#pragma once
// What is handed to the journal for one commit: records, the streams and incarnations they need, and what is lost.
// The bytes of all records lie in one buffer, so that a record costs a copy and no allocation of its own. Moved from
// the bus thread to the journal's; used by one of them at a time.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "trainbus/topic.hpp"

namespace trainbus {

struct StreamRow {
  std::uint64_t stream = 0;  // id, from 1
  SessionName session;
  std::uint64_t incarnation = 0;
  Kind kind = v1::KIND_UNKNOWN;
  std::uint64_t last_sequence = 0;
};

// Where a session's history is shown. Its records are there unless it is deleted.
enum class Visibility { kListed = 0, kArchived = 1, kDeleted = 2 };

// One start of a session's process, as the broker first heard of it.
struct IncarnationRow {
  SessionName session;
  std::uint64_t incarnation = 0;
  std::int64_t order = 0;           // within the session: the larger was first heard later. Never changes
  std::int64_t first_heard_ms = 0;  // Unix time of the broker
  Visibility visibility = Visibility::kListed;
};

class StoreBatch {
 public:
  static constexpr std::size_t kMaxRoomBytes = 8 << 20;

  struct Row {
    std::uint64_t stream = 0;
    std::uint64_t sequence = 0;
    std::int64_t timestamp_ms = 0;  // the record's own
    std::int64_t taken_in_ms = 0;   // Unix time of the broker when it took the record in
    std::uint64_t offset = 0;       // of its body in this batch
    std::uint32_t length = 0;
  };
  struct Lost {
    std::uint64_t stream = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
  };
  using Heads = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // (stream, highest sequence)

  // Copies the body. Records of a stream come in ascending order of their sequence.
  void add(std::uint64_t stream, std::uint64_t sequence, std::int64_t timestamp_ms, std::int64_t taken_in_ms,
           std::string_view body) {
    rows_.push_back(
        {stream, sequence, timestamp_ms, taken_in_ms, bytes_.size(), static_cast<std::uint32_t>(body.size())});
    bytes_.append(body);
  }
  void append(StoreBatch&& later);
  // Empty again. Its memory stays for the next records, up to kMaxRoomBytes: fresh pages cost more than the copy.
  void clear();

  const std::vector<Row>& rows() const { return rows_; }
  // Valid until the next add, append or move.
  std::string_view body(const Row& row) const { return std::string_view(bytes_).substr(row.offset, row.length); }
  std::uint64_t bytes() const { return bytes_.size(); }  // of all bodies
  Heads heads() const;                                   // each stream of rows and lost once

  bool empty() const { return new_streams.empty() && incarnations.empty() && rows_.empty() && lost.empty(); }

  std::vector<StreamRow> new_streams;
  std::vector<IncarnationRow> incarnations;  // new ones, or a changed visibility
  std::vector<Lost> lost;
  bool after_failure = false;  // handed over again; until it comes, a failed writer stores nothing (order)

 private:
  std::vector<Row> rows_;
  std::string bytes_;
};

}  // namespace trainbus
