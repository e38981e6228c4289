#pragma once
// Where a watcher keeps how far each of its channels was told.

#include <string>

namespace trainbus {

// A folder that one watcher uses: made when absent, locked until destroyed (also by a kill -9).
class WatchFolder {
 public:
  // Throws std::runtime_error with one line when it cannot be made or written, or another watcher has it.
  explicit WatchFolder(std::string path);
  ~WatchFolder();
  WatchFolder(const WatchFolder&) = delete;
  WatchFolder& operator=(const WatchFolder&) = delete;

  std::string position_file(const std::string& channel) const { return path_ + '/' + channel + ".position"; }

 private:
  std::string path_;
  int lock_fd_ = -1;
};

}  // namespace trainbus
