#pragma once
// The journal: every kept record, once, in the order the broker took it in. A SQLite file (WAL) in the state folder:
//
//   blocks(position, records, journal_ms, taken_in_ms, directory, data)   the records, see journal_block.hpp
//   segments(position, last_position, streams, checksum)                  what is where, see journal_segment.hpp
//   streams(stream, session, incarnation, kind, ...)                      a row a (session, incarnation, kind)
//   lost(stream, first_sequence, last_sequence)                           what never arrived, or was retired
//   incarnations(session, incarnation, heard_order, first_heard_ms, visibility)
//   history                                                               a view, for people
//
// A record's `position` is the page token of fetch: it grows by one with every record, so a number that is missing
// tells of a page that was. Two classes, one per thread: a writer that owns the write connection, and a reader with a
// connection of its own. A record whose bytes are not what was written is never served: it is counted, and said LOST.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "broker/block_table.hpp"
#include "broker/journal_clock.hpp"
#include "broker/journal_mark.hpp"
#include "broker/journal_schema.hpp"
#include "broker/sqlite.hpp"
#include "broker/store_batch.hpp"
#include "broker/stream_table.hpp"

namespace trainbus {

enum class Durability {
  kNothing,  // nothing is written: only to measure what the journal costs
  kProcess,  // survives kill -9 of the broker: a commit is in the kernel's page cache
  kPower,    // survives power loss: a commit is fsynced
};

// What may be retired: records older than max_age_ms, and the oldest past max_bytes of file in use. 0: never. Of
// these, only what every archive named in `until_archived` has on its disk.
struct Retention {
  std::int64_t max_age_ms = 0;
  std::uint64_t max_bytes = 0;
  std::vector<std::string> until_archived = {};

  bool any() const { return max_age_ms != 0 || max_bytes != 0; }
};

class JournalWriter {
 public:
  // Opens or makes the file; one of version 1 is brought to this version first. Throws SqliteError with one line when
  // it is damaged beyond use, of another version, or not writable. Records are stamped with the time of `clock`;
  // retention counts in it.
  JournalWriter(const std::string& path, Durability durability, Retention retention = {}, Clocks clocks = {});

  // Appends all of it, or nothing and throws. A record whose stream is there up to its sequence or further is left as
  // it is. While `gives_way` says so, the thread offers its processor after each block: a commit on busy cores then
  // does not delay those who forward.
  void append(
      const StoreBatch& batch, const std::function<bool()>& gives_way = [] { return false; });

  // Retires some of the oldest blocks that are past the bounds; true when there may be more. Their records become LOST
  // for whoever asks. The file's space is used again.
  bool retire();
  std::uint64_t retired() const { return retired_; }  // records
  // The archive of this name has everything up to this position. Kept in the file; it holds in memory even where that
  // throws, so that a full disk can be given room.
  void note_archived(const std::string& archive, std::uint64_t position);
  // By the names of Retention::until_archived; 0: it never came.
  const std::map<std::string, std::uint64_t>& archived() const { return archived_; }
  // How often something was past the bounds and stayed because an archive lacks it; and how many records no archive
  // has, while that is so.
  std::uint64_t held_up() const { return held_up_; }
  std::uint64_t held_for_archives() const { return held_for_archives_; }

  // Gives free space back to the file system, a step; true when there is more.
  bool give_back_space();

  // Positions up to this one are not given out: those that were, and whose records are gone.
  void skip_to(std::uint64_t position);

  // Copies what is in the WAL into the file, as far as readers let it. A quiet journal is then whole in its file alone.
  void checkpoint(bool quiet);
  std::uint64_t wal_bytes() const { return wal_pages_ * kJournalPageBytes; }
  std::uint64_t bytes_in_use();
  std::uint64_t last_position() const { return position_; }
  // Records that an earlier broker stored here and that were gone when this one started.
  std::uint64_t gone_at_start() const { return gone_at_start_; }

  // A WAL of so much is copied into the file after a commit, however busy.
  static constexpr std::uint64_t kCheckpointBytes = 8 << 20;

 private:
  void insert(const StoreBatch& batch, const std::function<bool()>& gives_way);
  void insert_rows(const StoreBatch& batch, const std::function<bool()>& gives_way);
  void insert_others(const StoreBatch& batch);
  // The stream's part of the open segment, which knows how far the stream was.
  SegmentStream& part_of(std::uint64_t stream);
  void end_segment();
  void begin_or_nothing(const std::function<void()>& changes);
  void read_open_segment();
  void take_up_mark();
  void take_up_archives();
  std::uint64_t archived_through() const;
  void write_mark();
  void set_state(std::string_view name, std::uint64_t value);
  std::uint64_t state(std::string_view name);

  const std::string path_;
  SqliteDatabase database_;
  BlockTable blocks_;
  StreamRows streams_;
  Retention retention_;
  MarkFile mark_;
  JournalClock clock_;
  Statement add_block_, add_segment_, add_incarnation_, add_lost_, add_own_, delete_to_, delete_segments_,
      retire_stream_, set_state_, get_state_, pages_, free_pages_;
  DirectoryWriter directory_;
  Segment open_;
  std::unordered_map<std::uint64_t, bool> own_streams_;  // of those in the open segment: of the broker's own kinds
  std::uint64_t position_ = 0;
  std::uint64_t retired_ = 0;
  std::map<std::string, std::uint64_t> archived_;
  std::uint64_t held_up_ = 0;
  std::uint64_t held_for_archives_ = 0;
  std::uint64_t wal_pages_ = 0;
  std::uint64_t gone_at_start_ = 0;
};

class JournalReader {
 public:
  explicit JournalReader(const std::string& path);

  // With last_sequence as the records say.
  std::vector<StreamRow> streams();
  // The following are look-ups, a few rows each.
  std::vector<StreamRow> streams(const SessionName& session);
  std::vector<StreamRow> streams(const SessionName& session, std::uint64_t incarnation);
  // Those that were made last, oldest first.
  std::vector<StreamRow> newest_streams(std::size_t limit);
  std::uint64_t last_stream();  // the highest id
  // The next session after this one, by id, that has streams; empty: there is none.
  std::string session_after(const std::string& session_id);
  // Those that are archived or deleted, by session and in their order.
  std::vector<IncarnationRow> hidden_incarnations();
  // How many sessions there are whose newest incarnation is neither.
  std::size_t listed_sessions();
  std::vector<IncarnationRow> incarnations(const SessionName& session);
  struct Use {
    std::uint64_t records = 0;  // retired ones included
    std::uint64_t bytes = 0;    // of the bodies
  };
  Use use(const SessionName& session);
  struct LastRecord {
    std::string body;              // empty: there is none
    std::int64_t taken_in_ms = 0;  // Unix time of the broker
  };
  // The newest record of a stream, by lookup.
  LastRecord last_record(std::uint64_t stream);
  // Answers the questions of `ask` from one state of the file, so that many look-ups side by side cost little each.
  void in_one_view(const std::function<void()>& ask);
  // Every body of a stream of commands or alerts from its start, in order.
  std::vector<std::string> bodies(std::uint64_t stream);

  // One page, at most request.max_bytes (0: 512 KiB, 1 MiB at most) and kMaxScan records looked at. With `archived_by`
  // no records: next_position is how far the archive has the journal. Where after_position is not 0 the statement goes
  // on: its heads are kept until the part that ends it.
  v1::FetchReply fetch(const v1::FetchRequest& request);

  // Records that were not what was written, and positions that could not be read.
  std::uint64_t damaged() const { return damaged_; }

  static constexpr int kMaxScan = 200'000;

 private:
  struct Page;  // the answer while it is made
  struct Losses {
    std::uint64_t last_position = 0;
    std::vector<StoreBatch::Lost> ranges;
  };
  template <class Result>
  Result in_one_view(const std::function<Result()>& read);
  void refresh();  // tail and streams
  void refresh_tail();
  std::vector<StreamRow> read_rows(Statement& query);
  void release_blocks();
  const Block* newest_block(std::uint64_t position);
  void read_streams();
  void read_segments(std::uint64_t from);
  void recover_streams();
  void take_newest_head(StreamRow& stream);
  std::uint64_t newest_position(std::uint64_t stream);
  v1::FetchReply read_page(const v1::FetchRequest& request);
  v1::FetchReply read_archived(const v1::FetchRequest& request);
  std::uint64_t archived_through(const std::vector<std::uint64_t>& heads);
  void add_incarnations(Page& page);
  std::vector<bool> wanted_streams(const v1::FetchRequest& request) const;
  std::vector<std::uint64_t> heads_of(const v1::FetchRequest& request) const;
  std::uint64_t start_position(const std::vector<bool>& wanted, const std::vector<std::uint64_t>& heads);
  void add_lost(Page& page);
  void add_record(const Block& block, const BlockEntry& entry, std::uint64_t position, Page& page);
  void add_losses_at(std::uint64_t position, Page& page);
  void add_gap(std::uint64_t first, std::uint64_t last, Page& page);
  const Losses& losses_at(std::uint64_t position);
  bool segment_at(std::uint64_t position, Segment& segment);
  // True when the record is the stream's, and a message; an unknown stream is learned from it.
  bool belongs(const BlockEntry& entry, std::string_view body);

  SqliteDatabase database_;
  BlockTable blocks_, other_blocks_;  // of the page, and of what is looked up for it
  BlockTable newest_blocks_;          // of newest records, one after the other in a view
  Statement new_streams_, last_stream_, session_streams_, incarnation_streams_, newest_streams_, session_after_,
      hidden_incarnations_, listed_sessions_, session_incarnations_, order_, lost_, highest_lost_, own_,
      segments_behind_, segment_before_, end_of_segments_, retired_;
  StreamRows stream_rows_;
  StreamTable streams_;
  std::vector<std::uint64_t> without_row_;            // ids whose row cannot be read, or is not what was written
  Segment tail_;                                      // what no segment has yet
  std::unordered_map<std::uint64_t, Losses> losses_;  // of damaged segments, by their first position
  std::unordered_map<std::uint64_t, v1::Incarnation> orders_;         // by stream, where it was asked for
  std::map<std::string, std::vector<std::uint64_t>> archived_heads_;  // of statements that go on, by archive
  std::uint64_t retired_through_ = 0;
  v1::MetricsRequest checked_;
  std::uint64_t damaged_ = 0;
  bool viewing_ = false;  // in_one_view() asks
  Block newest_;          // of newest_blocks_, as long as the view
};

}  // namespace trainbus
