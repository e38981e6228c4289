#pragma once
// The folder of a broker: its journal, its name, and a lock that keeps a second broker out. For its user alone.
//
//   STATE_DIR/             0700
//     journal.sqlite …     0600, with -wal and -shm beside it while a broker runs
//     broker_id            32 hex digits: the same journal is the same broker
//     broker/              0700, with the lock that the running broker holds, and its process id inside

#include <sys/types.h>

#include <string>
#include <vector>

namespace trainbus {

// Takes the folder for this process until destroyed (also by a kill -9).
class StateFolder {
 public:
  // Made when absent. Throws std::runtime_error with one line when it cannot be used: another broker has it, it is a
  // symbolic link, it belongs to another user, it cannot be written.
  explicit StateFolder(const std::string& path);
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string journal_path() const { return path_ + "/journal.sqlite"; }
  std::string lock_path() const;
  std::string own_path() const { return path_ + "/broker"; }
  const std::string& broker_id() const { return broker_id_; }

 private:
  std::string path_;  // absolute
  std::string broker_id_;
  int lock_fd_ = -1;
};

// What must stay in place while a broker writes this journal.
std::vector<std::string> files_of_journal(const std::string& journal_path);

// Whether files that are held open are still the ones by their names. A folder that was removed, moved, replaced or
// mounted over would else be written where nobody finds it again. Any thread may look; a look is a few microseconds.
class FilesInPlace {
 public:
  // Those that are there now, by name. One that is not there is not looked after.
  explicit FilesInPlace(const std::vector<std::string>& paths);

  // One line that names the first file that is gone or another one, or a file system that became read-only; empty
  // while all is in place.
  std::string problem() const;

 private:
  struct File {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  std::vector<File> files_;
};

}  // namespace trainbus
