#pragma once
// FOLDER/<run>/<trainer>/ with the event files of each incarnation: what TensorBoard takes as one run, "run/trainer".

#include <map>
#include <memory>
#include <vector>

#include "event_file.hpp"
#include "tag_names.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/step_line.hpp"

namespace trainbus::tensorboard {

// A record from before its incarnation has a place on the line.
struct HeldRecord {
  Kind kind;
  v1::MetricsRequest message;
};

struct IncarnationFiles {
  IncarnationFiles(const std::string& folder, std::uint64_t number, std::uint64_t start_seconds)
      : incarnation(number), file(folder, number, start_seconds) {}
  IncarnationFiles(std::uint64_t number, std::string last_path) : incarnation(number), file(std::move(last_path)) {}

  const std::uint64_t incarnation;
  EventFile file;
  EventMarks marks;
  std::vector<HeldRecord> held;
  std::size_t held_bytes = 0;
  int syncs_held = 0;
};

struct TrainerFiles {
  std::string folder;
  StepLine line;
  TagNames tags;
  bool tags_are_full = false;  // it was said
  std::map<std::uint64_t, IncarnationFiles> incarnations;
  std::map<std::int64_t, std::uint64_t> by_order;  // incarnations whose order is known
  std::uint64_t newest_start_seconds = 0;          // in a file's name
};

// Single-threaded. Owns an exclusive lock on the folder. Throws std::runtime_error with one line that names what.
class EventFolder {
 public:
  // Makes the folder, takes the lock, and reads what is there.
  EventFolder(std::string path, const std::function<void(const std::string&)>& warn);
  ~EventFolder();
  EventFolder(const EventFolder&) = delete;
  EventFolder& operator=(const EventFolder&) = delete;

  // The highest sequence in the files, by stream.
  StreamHeads heads() const;
  // Stay valid.
  TrainerFiles& trainer(const SessionName& session);
  TrainerFiles* find_trainer(const SessionName& session);
  // `order` of a record of it, which tells where a new one stands on the trainer's line; 0: not known.
  IncarnationFiles& incarnation(TrainerFiles& trainer, std::uint64_t number, std::int64_t order);
  // By session id.
  std::map<std::string, TrainerFiles>& trainers() { return trainers_; }

  // Buffered, up to 8 MiB in all.
  void append(IncarnationFiles& files, const Event& event);
  void flush();
  void sync();

 private:
  void take_lock();
  static void restore_line(StepLine& line, const IncarnationFiles& files);
  void recover(TrainerFiles& trainer, const std::function<void(const std::string&)>& warn);

  const std::string path_;
  int fd_ = -1;  // of the folder
  std::map<std::string, TrainerFiles> trainers_;
  std::vector<EventFile*> unwritten_;
  std::size_t unwritten_bytes_ = 0;
  std::size_t open_files_ = 0;
};

}  // namespace trainbus::tensorboard
