#pragma once
// Trainers of one name that are alive at once: an alert duplicate_name while they are, raised by the broker itself. So
// it is where two say the same incarnation, or none, and are taken for one.
// Used by the bus thread only.

#include <cstdint>
#include <map>
#include <string>

#include "broker/record_store.hpp"
#include "broker/roster.hpp"

namespace trainbus {

class NameConflicts {
 public:
  static constexpr std::int64_t kLookEveryMs = 1'000;
  static constexpr const char* kRule = "duplicate_name";

  NameConflicts(RecordStore& store, Roster& roster) : store_(store), roster_(roster) {}

  // An alert read back from the journal at start: what is open is not raised again.
  void restore(const v1::MetricsRequest& record);
  // Raises and ends alerts; looks once a second. One that was read back does not end before everybody can have said
  // hello again.
  void tick(std::int64_t now_ms);

 private:
  void begin(const Roster::Crowd& crowd);
  void begin(const std::string& session_id, v1::Alert alert);
  void look_for_shared(const SharedNames::Noted& shared, const std::string& what);
  void end(const std::string& session_id);
  void write(const std::string& session_id, const v1::Alert& alert);

  RecordStore& store_;
  Roster& roster_;
  struct Open {
    v1::Alert alert;
    bool restored = false;
  };
  std::map<std::string, Open> open_;  // by session id
  std::int64_t next_look_ms_ = 0;
  std::int64_t settled_ms_ = 0;  // 0: no look yet
};

}  // namespace trainbus
