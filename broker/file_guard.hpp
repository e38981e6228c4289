#pragma once
// Files for who matters most: each connection is one, and a process may have so many.
//
// A trainer needs one file, for the control port, over which it can deliver everything; a second one, for the data
// port, makes it cheaper. So of the files that are left for connections
//
//   an eighth   is for who is no trainer, so that `list` and consumers get through: the reserve
//   a third of the rest is for trainers at the data port; further ones wait in front of it and deliver over the
//               control port
//   the others  are for trainers at the control port; a trainer too many is told so, and its connection ended
//
// Who has a place keeps it.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/accept_gate.hpp"
#include "broker/connection_watch.hpp"
#include "trainbus/endpoints.hpp"

namespace trainbus {

// Used by the bus thread only. Times are steady milliseconds.
class FileGuard {
 public:
  static constexpr std::int64_t kLookEveryMs = 20;
  static constexpr std::int64_t kRefusedForMs = 60'000;     // a trainer that does not come back was not refused now
  static constexpr std::size_t kMaxRefusedNames = 100'000;  // policy: further ones are not told apart

  // `files`: how many this process may have open (RLIMIT_NOFILE). Made once everything else of the broker is open, and
  // its ports are bound.
  FileGuard(ConnectionWatch& connections, const Endpoints& endpoints, std::size_t files);

  void look(std::int64_t now_ms);
  // Other descriptors listen now, by port (BoundSockets::listeners).
  void listen_at(const std::array<std::vector<int>, 3>& listeners);
  // Whether a trainer may be greeted; else why not, for its user. `descriptor` is its control connection, which is then
  // ended, after the answer. `had_place`: it comes back, and may take of the reserve.
  std::string refusal(const std::string& session_id, int descriptor, bool had_place, std::int64_t now_ms);
  void greeted(const std::string& session_id, int descriptor);
  // Why further trainers do not reach the data port; empty: they do.
  std::string data_port_problem() const;

  // How many trainers there is room for.
  std::size_t room() const { return control_share_; }
  std::size_t files() const { return files_; }
  std::size_t used() const { return files_ - usable_ + connections_.open(); }
  std::uint64_t met() const { return met_; }                   // tries to connect that waited, and trainers refused
  std::size_t refused_now() const { return refused_.size(); }  // trainers

 private:
  // A connection whose peer is told, and goes by itself.
  struct Refused {
    std::int64_t since_ms = 0;
    int descriptor = -1;
    std::uint64_t connection = 0;
  };
  void end_refused(std::int64_t now_ms);
  void set_gates();
  std::uint64_t turned_away() const;
  std::string files_text() const;

  ConnectionWatch& connections_;
  std::array<AcceptGate, 3> gates_;  // by port
  const std::size_t files_;
  const std::size_t usable_;  // for connections
  const std::size_t reserve_;
  const std::size_t data_share_;
  const std::size_t control_share_;
  std::map<std::string, std::int64_t> refused_;  // by session, when last
  std::vector<Refused> ending_;
  std::uint64_t met_ = 0;
  std::uint64_t turned_away_ = 0;  // of met_, by the gates as they are
  std::uint64_t accepted_ = 0;     // as of the last look
  std::int64_t next_look_ms_ = 0;
  std::int64_t next_count_ms_ = 0;
};

}  // namespace trainbus
