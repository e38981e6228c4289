#pragma once
// The command registry: every command, its state, and what has to happen next. Pure: time (steady ms) is an argument,
// records and messages come out as values. A command addressed to a trainer is keyed by (id, session). Its deadline is
// a duration from when it was accepted; the Unix time of it is for people, and for a broker that reads it back.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "trainbus/wire.hpp"

namespace trainbus {

// What the registry must know about the trainer a command is for.
struct TargetFacts {
  std::uint64_t incarnation = 0;  // the one that is meant, if it may still be there; else the newest
  bool ended = false;             // said COMPLETED, FAILED or STOPPED
  bool heard_recently = false;    // a heartbeat or record within the last 30 s
  std::string refusal = {};       // why it would refuse this command, by what its plan offers; empty: it may take it
};

class CommandRegistry {
 public:
  static constexpr std::int64_t kDefaultDeadlineMs = 30'000;
  static constexpr std::int64_t kMaxDeadlineMs = 24 * 3600 * 1000;  // from now; a later one is this
  static constexpr std::int64_t kResendUndeliveredMs = 1'000;
  static constexpr std::int64_t kResendDeliveredMs = 5'000;
  static constexpr std::int64_t kUnheardIsUnknownMs = 30'000;  // past the deadline
  static constexpr std::size_t kMaxEnded = 10'000;             // ended commands remembered; policy: drop_oldest
  static constexpr std::size_t kMaxOpen = 10'000;              // policy: the caller refuses new ones

  struct Entry {
    std::string session_id;
    v1::ControlCommand command;
    std::int64_t expires_ms = 0;
    std::int64_t send_again_ms = 0;
    bool stored = false;  // its newest state is in the journal
  };

  // Reads one stored state back, at start. What is left of its time follows from its Unix deadline and `unix_ms`, and
  // is never more than it had.
  void restore(const std::string& session_id, const v1::ControlCommand& command, std::int64_t now_ms,
               std::int64_t unix_ms);

  // Issues a valid command (command_problem() is empty, has_room()): only what an issuer decides is taken over. A known
  // id gives the stored entry and nothing new. The entry is ACCEPTED, or REJECTED with a reason; its record is to be
  // stored.
  Entry& issue(const std::string& session_id, const v1::ControlCommand& command, const TargetFacts& target,
               std::int64_t now_ms, std::int64_t unix_ms, bool& is_new);
  // What the trainer says. Returns the entry when this moved it on (a record is to be stored), nullptr when the report
  // repeats, goes backwards, or is about a command nobody issued.
  Entry* report(const std::string& session_id, const v1::ControlCommand& report, std::int64_t now_ms);
  // The newest state of this entry is in the journal: an ACCEPTED one may now be sent.
  void stored(const std::string& session_id, const std::string& command_id, v1::CommandState state);

  struct Due {
    std::vector<Entry*> to_send;  // to the trainer, now
    std::vector<Entry*> moved;    // EXPIRED, REJECTED or UNKNOWN by the clock; records are to be stored
  };
  // Looks at every open command. `facts` answers for a session and the incarnation that is meant.
  template <class Facts>
  Due due(std::int64_t now_ms, const Facts& facts) {
    Due result;
    for (Entry* entry : open_entries())
      judge(*entry, facts(entry->session_id, entry->command.expected_incarnation()), now_ms, result);
    return result;
  }

  Entry* find(const std::string& session_id, const std::string& command_id);
  std::vector<const Entry*> find_by_id(const std::string& command_id) const;
  // "run/trainer" or "run/*".
  std::vector<const Entry*> find_by_session(const std::string& session_id) const;
  std::size_t open_count() const { return open_.size(); }
  bool has_room(std::size_t more) const { return open_.size() + more <= kMaxOpen; }

 private:
  using Key = std::pair<std::string, std::string>;  // id, session
  std::vector<Entry*> open_entries();
  void judge(Entry& entry, const TargetFacts& target, std::int64_t now_ms, Due& due);
  void move(Entry& entry, v1::CommandState state, const std::string& reason);
  void remember_end(const Key& key);

  std::map<Key, Entry> entries_;
  std::map<Key, Entry*> open_;
  std::deque<Key> ended_;  // oldest first
};

}  // namespace trainbus
