#pragma once
// How far a channel has been told: the heads of the alert streams.

#include <optional>
#include <string>

#include "trainbus/consumer.hpp"

namespace trainbus {

// Text: "trainbus-watch-position-1 N", then N lines "SESSION INCARNATION SEQUENCE", then "end". Empty when there is no
// such file; throws std::runtime_error with one line when it is there and not whole.
std::optional<StreamHeads> load_position(const std::string& path);
// Written beside it, synced and renamed: a reader sees all or nothing. False and errno when it cannot be written.
bool save_position(const std::string& path, const StreamHeads& heads);

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

// $XDG_STATE_HOME/trainbus/watch, else ~/.local/state/trainbus/watch.
std::string default_watch_state_dir();

}  // namespace trainbus
