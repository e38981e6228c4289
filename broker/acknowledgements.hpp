#pragma once
// What each incarnation is told of its records: everything up to here is in the journal. Used by the bus thread only.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "broker/control_socket.hpp"
#include "broker/record_store.hpp"
#include "broker/roster.hpp"

namespace trainbus {

using KindPositions = google::protobuf::RepeatedPtrField<v1::KindPosition>;

// What the journal has of an incarnation, kind by kind.
void add_stored(RecordStore& store, const std::string& session_id, std::uint64_t incarnation, KindPositions& positions);

class Acknowledgements {
 public:
  static constexpr std::int64_t kEveryMs = 50;
  static constexpr std::size_t kMaxTargets = 200'000;  // policy: forget who was not heard for a minute, then refuse
  static constexpr std::int64_t kQuietTargetMs = 60'000;

  Acknowledgements(ControlSocket& socket, RecordStore& store, Roster& roster)
      : socket_(socket), store_(store), roster_(roster) {}

  // Where those of this incarnation go from now on.
  void set_target(const std::string& session_id, std::uint64_t incarnation, const std::string& routing_id,
                  std::int64_t now_ms);
  // The same, and it is owed one.
  void owe_to(const std::string& session_id, std::uint64_t incarnation, const std::string& routing_id,
              std::int64_t now_ms);
  // A stream's head moved: its trainer is owed one.
  void owe(const Stream& stream, std::int64_t now_ms);
  // Sends what is owed, at most every kEveryMs.
  void tick(std::int64_t now_ms);
  void send_all();
  // False when the trainer's connection is gone, which the roster is told.
  bool send_to(const std::string& session_id, std::uint64_t incarnation, const std::string& routing_id);

  std::uint64_t sent() const { return sent_; }
  std::size_t targets() const { return targets_.size(); }
  std::uint64_t refused() const { return refused_; }  // trainers that get none, for want of room

 private:
  using Key = std::pair<std::string, std::uint64_t>;  // session, incarnation
  struct Target {
    std::string routing_id;
    bool owed = false;
    std::int64_t used_ms = 0;  // last greeted, or owed something
  };
  Target* target(const Key& key, std::int64_t now_ms);

  ControlSocket& socket_;
  RecordStore& store_;
  Roster& roster_;
  std::map<Key, Target> targets_;
  std::vector<Key> owed_;
  std::int64_t next_forget_ms_ = 0;
  std::int64_t next_ms_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace trainbus
