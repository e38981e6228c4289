#pragma once
// FOLDER/<run>/<trainer>/ with the event files of each life: what TensorBoard takes as one run, "run/trainer".

#include <map>
#include <memory>
#include <vector>

#include "event_file.hpp"
#include "step_line.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus::tensorboard {

struct LifeFiles {
  LifeFiles(const std::string& folder, std::uint64_t number) : incarnation(number), file(folder, number) {}
  LifeFiles(std::uint64_t number, std::string last_path) : incarnation(number), file(std::move(last_path)) {}

  const std::uint64_t incarnation;
  EventFile file;
  EventMarks marks;
  std::vector<Event> held;  // texts from before the life's first step is known
  int syncs_held = 0;
};

struct TrainerFiles {
  std::string folder;
  StepLine line;
  std::map<std::uint64_t, LifeFiles> lives;
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
  LifeFiles& life(TrainerFiles& trainer, std::uint64_t incarnation);
  // By session id.
  std::map<std::string, TrainerFiles>& trainers() { return trainers_; }

  // Buffered, up to 8 MiB in all.
  void append(LifeFiles& life, const Event& event);
  void flush();
  void sync() const;

 private:
  void take_lock();
  void recover(TrainerFiles& trainer, const std::function<void(const std::string&)>& warn);

  const std::string path_;
  int fd_ = -1;  // of the folder
  std::map<std::string, TrainerFiles> trainers_;
  std::vector<EventFile*> unwritten_;
  std::size_t unwritten_bytes_ = 0;
  std::size_t open_files_ = 0;
};

}  // namespace trainbus::tensorboard
