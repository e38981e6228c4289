#pragma once
// The event files of one incarnation of a trainer:
//
//   events.out.tfevents.<start, seconds>.<host>.<pid>.<incarnation>-<part>
//
// TensorBoard reads a folder in the order of the names, which is the order in which incarnations were heard: one whose
// clock is behind gets a second more than the one before it. There is a second part only after a sudden end, or when
// somebody truncated the first: a file that TensorBoard may have read to its half-written end, or beyond the end it has
// now, is never written again.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "event_frame.hpp"
#include "trainbus/topic.hpp"

namespace trainbus::tensorboard {

// What is in the files of an incarnation, by kind of record.
struct EventMarks {
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> sequence{};  // highest
  std::array<std::int64_t, v1::Kind_ARRAYSIZE> step{};       // of the newest
  std::optional<EventHead> start;                            // the newest SessionLog START
  std::vector<Section> sections;
  std::vector<NewTag> new_tags;
};

// Single-threaded. Appends whole events only. Throws std::runtime_error with one line that names the file.
class EventFile {
 public:
  // The first part, which is not made before the first flush.
  EventFile(const std::string& folder, std::uint64_t incarnation, std::uint64_t start_seconds);
  // To go on with the last part that there is.
  explicit EventFile(std::string last_path) : path_(std::move(last_path)) {}
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  // The incarnation in a file's name; empty when it is none of ours.
  static std::optional<std::uint64_t> incarnation_of(const std::string& file_name);
  // The start in the name of such a file.
  static std::uint64_t start_seconds_of(const std::string& file_name);

  // Reads one part, the last one last, and adds what it has to `marks`. What a sudden end left half-written is cut off;
  // `warn` is told of that and of damage, behind which nothing is read: neither does TensorBoard.
  void recover(const std::string& part, EventMarks& marks, const std::function<void(const std::string&)>& warn);

  void append(const Event& event);
  std::size_t unwritten_bytes() const { return buffer_.size(); }
  // What was appended is with the operating system.
  void flush();
  bool is_open() const { return fd_ >= 0; }
  // Lets go of the descriptor until the next flush.
  void close();
  // Throws when somebody else removed, moved, replaced or truncated the file. After a truncation there is a next part
  // already: a reader may be beyond the end of this one.
  void check_in_place();

 private:
  void begin_next_part();
  void add_version(double wall_time);
  void write_buffer();

  std::string path_;
  std::string buffer_;
  bool has_version_ = false;  // the first event of a file
  std::uint64_t size_ = 0;    // bytes of the file as we left it
  int fd_ = -1;
};

}  // namespace trainbus::tensorboard
