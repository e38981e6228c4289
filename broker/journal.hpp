#pragma once
// The journal: every kept record, once, in the order the broker took it in. A SQLite file (WAL) in the state folder:
//
//   streams(stream, session, incarnation, kind, last_sequence)      one row per (session, incarnation, kind)
//   records(position, stream, sequence, timestamp_ms, crc, body)    body: the MetricsRequest as it came; crc: its
//   CRC-32 lost(stream, first_sequence, last_sequence)                     what never arrived, or was retired history
//   a view that joins the first two, for people
//
// `position` grows with every record and is the page token of fetch. Two classes, one per thread: a writer that owns
// the write connection, and a reader with a connection of its own. A record whose bytes are not what was written (CRC,
// or not of its stream) is never served: it is counted, and the answer says LOST where its place is known, at the
// latest before the next record of its stream.

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker/sqlite.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

enum class Durability {
  kNothing,  // nothing is written: only to measure what the journal costs
  kProcess,  // survives kill -9 of the broker: a commit is in the kernel's page cache
  kPower,    // survives power loss: a commit is fsynced
};

// What may be retired: records older than max_age_ms, and the oldest past max_bytes of file in use. 0: never.
struct Retention {
  std::int64_t max_age_ms = 0;
  std::uint64_t max_bytes = 0;

  bool any() const { return max_age_ms != 0 || max_bytes != 0; }
};

struct StreamRow {
  std::uint64_t stream = 0;  // id, from 1
  SessionName session;
  std::uint64_t incarnation = 0;
  Kind kind = v1::KIND_UNKNOWN;
  std::uint64_t last_sequence = 0;
};

// One group commit. Bodies share memory with what was forwarded.
struct StoreBatch {
  struct Row {
    std::uint64_t stream = 0;
    std::uint64_t sequence = 0;
    std::int64_t timestamp_ms = 0;
    zmq::message_t body;
  };
  struct Lost {
    std::uint64_t stream = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
  };
  std::vector<StreamRow> new_streams;
  std::vector<Row> rows;
  std::vector<Lost> lost;
  bool after_failure = false;  // handed over again; until it comes, a failed writer stores nothing (order)

  bool empty() const { return new_streams.empty() && rows.empty() && lost.empty(); }
  std::uint64_t bytes() const;
  void append(StoreBatch&& later);
};

// Takes the state folder for this process (flock): a second broker on it is refused with one line.
class StateFolder {
 public:
  explicit StateFolder(const std::string& path);
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;
  std::string journal_path() const { return path_ + "/journal.sqlite"; }

 private:
  std::string path_;
  int lock_fd_ = -1;
};

class JournalWriter {
 public:
  // Opens or makes the file. Throws SqliteError with one line when it is damaged, of another version, or not writable.
  JournalWriter(const std::string& path, Durability durability);

  // Appends all of it, or nothing and throws. A row whose (stream, sequence) is there already is left as it is.
  // While `gives_way` says so, the thread offers its processor every few rows: a commit on busy cores then does not
  // delay those who forward.
  void append(
      const StoreBatch& batch, const std::function<bool()>& gives_way = [] { return false; });

  // Retires at most kRetireRows of the oldest records that are past the bounds; true when there may be more. They
  // become LOST for whoever asks. The file gives its space back in small steps.
  bool retire(const Retention& retention, std::int64_t now_unix_ms);
  std::uint64_t retired() const { return retired_; }

  static constexpr int kRetireRows = 2'000;

 private:
  void insert(const StoreBatch& batch, const std::function<bool()>& gives_way);
  void begin_or_nothing(const std::function<void()>& changes);
  std::uint64_t bytes_in_use();

  SqliteDatabase database_;
  Statement add_stream_, add_row_, move_head_, add_lost_, oldest_, delete_to_, retire_stream_, pages_, free_pages_;
  std::uint64_t position_ = 0;
  std::uint64_t retired_ = 0;
};

class JournalReader {
 public:
  explicit JournalReader(const std::string& path);

  // With last_sequence as the records say, not the streams table.
  std::vector<StreamRow> streams();
  // The newest record of a stream; empty body when there is none.
  std::string last_body(std::uint64_t stream);
  // Every body of a stream from its start, in order.
  std::vector<std::string> bodies(std::uint64_t stream);

  // One page, at most request.max_bytes (0: 512 KiB, 1 MiB at most) and kMaxScan rows looked at.
  v1::FetchReply fetch(const v1::FetchRequest& request);

  // Records that were not what was written.
  std::uint64_t damaged() const { return damaged_; }

  static constexpr int kMaxScan = 200'000;

 private:
  void refresh_streams();
  v1::FetchReply read_page(const v1::FetchRequest& request);
  std::uint64_t start_position(const v1::FetchRequest& request, const std::vector<bool>& wanted);
  void add_lost(const v1::FetchRequest& request, const std::vector<bool>& wanted, v1::FetchReply& reply);
  std::vector<bool> wanted_streams(const v1::FetchRequest& request) const;
  enum class Verdict { kAsWritten, kDamaged, kMisplaced };
  // A row of (position, stream, body, sequence, crc) and the stream it says it is of.
  Verdict check(const Statement& row, const StreamRow& stream);
  std::uint64_t accounted_below(std::uint64_t stream, std::uint64_t sequence);
  bool is_intact(std::uint64_t stream, std::uint64_t sequence);

  SqliteDatabase database_;
  Statement new_streams_, heads_, last_body_, bodies_, scan_, seek_, end_, lost_, highest_, highest_lost_, row_,
      covered_;
  v1::MetricsRequest checked_;
  std::uint64_t damaged_ = 0;
  std::vector<StreamRow> streams_;  // by id - 1
};

}  // namespace trainbus
