#pragma once
// Where log_* leaves its records and the bus thread finds them: files that outlive the process.

#include <array>
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

// A chain of segments. push() numbers and serializes a record at the end of the last one; the bus thread takes the
// records in order, and releases what is stored. While all that was written is stored the same pages are written again,
// so that a trainer whose broker is there uses the front of one file. Segments are prepared ahead by the bus thread;
// only a training thread that outruns it by all of them makes one itself.
// Where the folder cannot be used, segments are in memory, and `unsafe` counts what a kill would lose. Bounded; past
// the bound, and once closed, push() refuses and counts.
class RecordSpool {
 public:
  struct Limits {
    std::size_t disk_bytes = std::size_t{1} << 30;
    std::size_t memory_bytes = 64 << 20;
    std::size_t segment_bytes = SpoolSegment::kBytes;
  };
  struct Record {
    Kind kind = v1::KIND_UNKNOWN;
    std::uint64_t sequence = 0;
    std::string_view bytes;  // until release() passes its segment
    std::uint64_t segment = 0;
  };

  // `folder` empty: in memory. Made when absent.
  RecordSpool(TrainerLife life, std::filesystem::path folder, Limits limits);
  // What is not stored stays in the folder for the next life.
  ~RecordSpool();
  RecordSpool(const RecordSpool&) = delete;
  RecordSpool& operator=(const RecordSpool&) = delete;

  // --- any thread
  bool push(const LoggedRecord& record);
  void close();
  // Per kind: the highest sequence given out.
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> accepted() const;
  std::uint64_t refused() const;
  std::uint64_t unsafe() const;  // taken into memory because the folder cannot be used
  std::string problem() const;   // why not; empty while it can
  // Of the records that were taken.
  RecordWriter::LeftOut refused_values() const;
  RecordWriter::LeftOut cut_records() const;

  // --- bus thread
  // Appends the next records, at most `count`; false when there are no more for now.
  bool take(std::vector<Record>& records, std::size_t count);
  // Every record before segment `oldest` is stored; empty: every record that was taken is.
  void release(std::optional<std::uint64_t> oldest);
  // Makes segments ahead of need; called every turn.
  void prepare();
  // No thread uses it any more. Deletes the files when everything is stored.
  void end(bool all_stored);

 private:
  struct Used {
    std::size_t disk_bytes = 0;
    std::size_t memory_bytes = 0;
  };
  enum class Pushed { kYes, kClosed, kNoRoom };

  Pushed try_push(const LoggedRecord& record);
  bool make_ahead(std::uint64_t count);
  std::unique_ptr<SpoolSegment> make_segment(std::uint64_t number, const Used& used, std::string& problem);
  Used used() const;
  SpoolSegment& at(std::uint64_t number) const { return *segments_[number - first_]; }
  std::uint64_t last() const { return first_ + segments_.size() - 1; }
  void unmap_backlog();

  const TrainerLife life_;
  const std::filesystem::path folder_;
  const Limits limits_;

  std::mutex making_;  // held while a segment is made; before mutex_
  std::optional<LifeLock> lock_;

  mutable std::mutex mutex_;                            // guards what follows; never held during a file system call
  std::deque<std::unique_ptr<SpoolSegment>> segments_;  // from the oldest needed to those made ahead
  std::uint64_t first_ = 1;                             // number of segments_.front()
  std::uint64_t active_ = 1;                            // number of the one that is written to
  RecordWriter writer_;
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> accepted_{};
  std::uint64_t refused_ = 0;
  std::uint64_t unsafe_ = 0;
  std::string problem_;
  bool closed_ = false;

  // The bus thread's.
  std::uint64_t reading_ = 1;
  std::size_t offset_ = SpoolSegment::kFirst;
  std::uint64_t last_active_ = 1;
  std::uint64_t unmapped_ = 1;  // the backlog behind reading_ is unmapped up to here
  bool ended_ = false;
};

}  // namespace trainbus
