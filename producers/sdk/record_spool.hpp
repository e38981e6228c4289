#pragma once
// Where log_* leaves its records and the bus thread finds them: memory and files that outlive the process.

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "logged_record.hpp"
#include "record_writer.hpp"
#include "spool_folder.hpp"
#include "spool_segment.hpp"

namespace trainbus {

// A chain of segments. push() numbers and serializes a record at the end of the last one, in memory that a kill of the
// process leaves to the next start (SurvivingMemory); the bus thread takes the records in order, and releases what is
// stored. While all that was written is stored the same pages are written again.
// What waits is written to a file for each segment, behind both of them: by run_files() in a thread of its own, which
// may wait for a disk as long as it likes, or by prepare() where there is no such thread. Segments behind the first
// that waits then need no memory. A folder that cannot be used costs nothing but safety: `unsafe` counts.
// Bounded; past the bound, and once closed, push() refuses and counts.
class RecordSpool {
 public:
  using Clock = std::chrono::steady_clock;
  using Counts = std::array<std::uint64_t, v1::Kind_ARRAYSIZE>;
  struct Limits {
    std::size_t disk_bytes = std::size_t{1} << 30;  // of files, those of earlier incarnations of the session included
    std::size_t memory_bytes = 64 << 20;
    std::size_t segment_bytes = SpoolSegment::kBytes;  // 0: nothing is ever pushed
    bool own_thread = false;                           // somebody calls run_files()
    bool counts_refused = true;                        // false: who pushed it keeps it
  };
  struct Record {
    Kind kind = v1::KIND_UNKNOWN;
    std::uint64_t sequence = 0;
    std::string_view bytes;  // until release() passes its segment; empty: gone, with all before that were not taken
    std::uint64_t segment = 0;
  };
  // What was not stored at the end, of each kind.
  struct Left {
    Counts in_spool{};
    Counts gone{};
  };

  // `folder` empty: in memory. Made when absent. `broker`: the address that the records are for.
  RecordSpool(SpoolOwner owner, std::filesystem::path folder, std::string broker, Limits limits);
  // What is not stored stays in the folder for the next incarnation.
  ~RecordSpool();
  RecordSpool(const RecordSpool&) = delete;
  RecordSpool& operator=(const RecordSpool&) = delete;

  // --- any thread
  bool push(const LoggedRecord& record);
  void close();
  // Per kind: the highest sequence given out.
  Counts accepted() const;
  std::uint64_t refused() const;
  std::uint64_t unsafe() const;  // taken while their file could not be written
  std::string problem() const;   // why not; empty while it can
  // Of the records that were taken.
  RecordWriter::LeftOut refused_values() const;
  RecordWriter::LeftOut cut_records() const;

  // --- bus thread
  // Appends the next records, at most `count`; false when there are no more for now.
  bool take(std::vector<Record>& records, std::size_t count);
  // Every record before segment `oldest` is stored; empty: every record that was taken is.
  void release(std::optional<std::uint64_t> oldest);
  // Makes segments ahead of need, and lets the files be written now and then; called every turn.
  void prepare();
  // The broker said who it is.
  void set_broker_id(const std::string& id);
  // No other thread pushes, takes or releases any more. Deletes the files of what is stored and finishes the others;
  // waits at most `patience` for the disk. Once.
  Left end(const Counts& stored, std::chrono::milliseconds patience);

  // Whether that was done in time.
  bool ended() const;

  // --- the files' thread: until end(), and until that is done.
  void run_files();

 private:
  struct Place {
    std::unique_ptr<SpoolSegment> segment;
    std::size_t written = 0;  // the file has all up to here; 0: there is no file
    std::uint64_t round = 0;  // how often it was rewound
    bool failed = false;      // the last attempt to write the file
    bool lost = false;        // the file no longer has what the memory was given away for
    Counts before{};          // accepted when this became the active one
  };
  struct Chunk {
    std::size_t offset = 0;  // 0: with it the file begins
    std::size_t end = 0;
    std::uint64_t round = 0;
    std::size_t reserve = 0;  // bytes of the whole segment
  };
  enum class Pushed { kYes, kClosed, kNoRoom };
  enum class Written { kAll, kMore, kFailed };

  Pushed try_push(const LoggedRecord& record);
  bool make_ahead(std::uint64_t count);
  void report_gone(std::uint64_t number, std::vector<Record>& records);
  Counts through(std::uint64_t number) const;

  void write_files();
  void write_waiting();
  bool write_all();
  Written write_some(std::uint64_t number);
  std::optional<Chunk> next_chunk(std::uint64_t number);
  void create_file(std::uint64_t number, std::size_t reserve);
  void look_after_files();
  bool is_whole(std::uint64_t number, std::size_t reserve) const;
  void write_note();
  void bring_back_needed();
  void give_away_backlog();
  void delete_released();
  void finish_files();
  void finish_file(std::uint64_t number, bool all_stored, Counts& gone);
  void count_lost(std::uint64_t number, Counts& gone) const;
  void cut_file(std::uint64_t number, Counts& gone);

  Place& at(std::uint64_t number) { return places_[number - first_]; }
  const Place& at(std::uint64_t number) const { return places_[number - first_]; }
  std::uint64_t last() const { return first_ + places_.size() - 1; }
  std::size_t memory_used() const;
  std::filesystem::path file(std::uint64_t number) const { return owner_.segment_file(folder_, number); }

  const SpoolOwner owner_;
  const std::filesystem::path folder_;
  const Limits limits_;

  mutable std::mutex mutex_;  // guards what follows; never held during a file system call
  std::condition_variable changed_;
  std::deque<Place> places_;   // from the oldest needed to those made ahead
  std::uint64_t first_ = 1;    // number of places_.front()
  std::uint64_t active_ = 1;   // number of the one that is written to
  std::uint64_t reading_ = 1;  // number of the one the bus thread reads
  RecordWriter writer_;
  Counts accepted_{};
  std::uint64_t refused_ = 0;
  std::uint64_t unsafe_ = 0;
  std::string problem_;
  bool survives_ = true;  // the system gives memory that does
  bool closed_ = false;
  bool files_due_ = false;
  LifeNote note_;  // what the lock file is to say
  bool note_due_ = true;
  std::vector<std::uint64_t> to_delete_;
  enum class End { kNo, kAsked, kDone } end_ = End::kNo;
  Counts stored_{};  // at the end
  Left left_;

  // The bus thread's.
  std::size_t offset_ = SpoolSegment::kFirst;
  std::uint64_t last_active_ = 1;
  Clock::time_point next_files_{};

  std::mutex files_mutex_;  // guards what follows; before mutex_
  std::optional<OwnerLock> lock_;
  std::string chunk_;
  Clock::time_point next_look_{};
};

}  // namespace trainbus
