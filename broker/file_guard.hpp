#pragma once
// Files for who matters most: each connection is one, and a process may have so many.
//
// Two thirds are for the data ports and one for the control port, over which a trainer can deliver everything. Who
// connects to a data port beyond its share is cut, and tries again until there is room. At the control port a trainer
// too many is told so, and its connection ended, so that `list` and commands get through.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/connection_watch.hpp"

namespace trainbus {

// Used by the bus thread only. Times are steady milliseconds.
class FileGuard {
 public:
  static constexpr std::int64_t kLookEveryMs = 20;
  static constexpr std::int64_t kRefusedForMs = 60'000;     // a trainer that does not come back was not refused now
  static constexpr std::size_t kMaxRefusedNames = 100'000;  // policy: further ones are not told apart
  static constexpr std::size_t kFilesOfATrainer = 3;

  // `files`: how many this process may have open (RLIMIT_NOFILE). Made once everything else of the broker is open.
  FileGuard(ConnectionWatch& connections, std::size_t files);

  void look(std::int64_t now_ms);
  // Whether a trainer may be greeted; else why not, for its user. `descriptor` is its control connection, which is then
  // ended, after the answer.
  std::string refusal(const std::string& session_id, int descriptor, std::int64_t now_ms);
  void greeted(const std::string& session_id) { refused_.erase(session_id); }

  // About how many trainers there is room for.
  std::size_t room() const { return usable_ / kFilesOfATrainer; }
  std::size_t files() const { return files_; }
  std::size_t used() const { return files_ - usable_ + connections_.open(); }
  std::uint64_t met() const { return met_; }                   // connections cut, and trainers refused
  std::size_t refused_now() const { return refused_.size(); }  // trainers

 private:
  std::size_t control_share() const { return usable_ / 3; }
  std::size_t data_share() const { return usable_ - control_share(); }
  void cut_refused(std::int64_t now_ms);

  ConnectionWatch& connections_;
  const std::size_t files_;
  const std::size_t usable_;                          // for connections
  const std::size_t reserve_;                         // of the control port's share, for who is no trainer
  std::map<std::string, std::int64_t> refused_;       // by session, when last
  std::vector<std::pair<std::int64_t, int>> to_cut_;  // when, which descriptor
  std::uint64_t met_ = 0;
  std::int64_t next_look_ms_ = 0;
  std::int64_t next_forget_ms_ = 0;
};

}  // namespace trainbus
