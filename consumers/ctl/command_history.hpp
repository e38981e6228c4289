#pragma once
// Every command of the journal with each state it reached, and the edits that came of them.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "trainbus/schedule.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

// Takes kept command records in the order of their streams; pure. The journal remembers what the broker itself has
// forgotten.
class CommandHistory {
 public:
  struct Entry {
    struct Reached {
      v1::CommandState state;
      std::int64_t timestamp_ms;
    };
    std::string session_id;
    std::uint64_t incarnation = 0;
    std::int64_t order = 0;             // of that incarnation: the larger is the newer
    v1::ControlCommand command = {};    // in the last state it reached
    std::uint64_t sequence = 0;         // of that state's record
    std::vector<Reached> reached = {};  // as it went
  };
  void take(const v1::MetricsRequest& record, std::int64_t order);

  // One per command and trainer, in the order in which they were issued.
  const std::vector<Entry>& entries() const { return entries_; }

  struct Edits {
    std::string session_id;
    std::uint64_t incarnation = 0;
    std::vector<ScheduledEdit> edits;  // in the order in which they were applied
  };
  // What was applied to the newest commanded incarnation of `trainer`; "": of the only trainer that was commanded.
  // Throws std::invalid_argument with one line when there is none, or more than one.
  Edits applied_to(const std::string& trainer) const;

 private:
  std::vector<Entry> entries_;
  std::map<std::pair<std::string, std::string>, std::size_t> index_;  // by command id and session id
};

}  // namespace trainbus
