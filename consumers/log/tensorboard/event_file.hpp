#pragma once
// The event files of one process life of a trainer:
//
//   events.out.tfevents.<start of the life, seconds>.<host>.<pid>.<incarnation>-<part>
//
// The name sorts in the order of lives, which is the order in which TensorBoard reads a folder. There is a second part
// only after a sudden end: a file that TensorBoard may have read to its half-written end is never written again.

#include <array>
#include <functional>
#include <optional>
#include <string>

#include "event_frame.hpp"
#include "trainbus/topic.hpp"

namespace trainbus::tensorboard {

// What is in the files of a life, by kind of record.
struct EventMarks {
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> sequence{};  // highest
  std::array<std::int64_t, v1::Kind_ARRAYSIZE> step{};       // of the newest
  std::optional<EventHead> start;                            // the SessionLog START
};

// Single-threaded. Appends whole events only. Throws std::runtime_error with one line that names the file.
class EventFile {
 public:
  // The first part, which is not made before the first flush.
  EventFile(const std::string& folder, std::uint64_t incarnation);
  // To go on with the last part that there is.
  explicit EventFile(std::string last_path) : path_(std::move(last_path)) {}
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  // The incarnation in a file's name; empty when it is none of ours.
  static std::optional<std::uint64_t> incarnation_of(const std::string& file_name);

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
  // Throws when the file was removed.
  void check_in_place() const;

 private:
  void begin_next_part();

  std::string path_;
  std::string buffer_;
  bool has_version_ = false;  // the first event of a file
  int fd_ = -1;
};

}  // namespace trainbus::tensorboard
