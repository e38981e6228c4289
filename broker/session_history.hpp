#pragma once
// What the journal's file has of one session, and its deletion in small steps. Each call opens the file for itself and
// may take long: on a thread of its own, beside the broker's.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/journal.hpp"

namespace trainbus {

struct SessionHistory {
  std::vector<IncarnationRow> incarnations;  // in the order they were first heard
  std::vector<std::uint64_t> streams;        // ids, but for those of commands: they stay as the audit
  std::uint64_t records = 0;                 // of these streams
  std::uint64_t bytes = 0;                   // of their bodies
  std::int64_t last_record_ms = 0;           // when the broker took the newest of them in; 0: there is none
  std::string error;                         // one line when the file cannot be read

  bool known() const { return !incarnations.empty(); }
  std::uint64_t newest() const { return incarnations.empty() ? 0 : incarnations.back().incarnation; }
  bool all(Visibility visibility) const;
};

SessionHistory read_session_history(const std::string& journal_path, const SessionName& session);

// A page of all sessions that the journal has, also those that no list of the broker shows: what it knows of the newest
// incarnation of each, and of the older ones where the request asks for them.
struct JournalList {
  v1::TrainerList list;
  std::string error;  // one line when the file cannot be read
};
JournalList list_journal(const std::string& journal_path, const v1::ListRequest& request);

// Deletes the records of these streams, which become LOST, and counts them in `deleted` as it goes; ends early when
// `stop` is set. Commits of the broker have their turn between two steps. Returns one line when it could not, else an
// empty string.
std::string delete_session_history(const std::string& journal_path, const std::vector<std::uint64_t>& streams,
                                   const std::atomic<bool>& stop, std::atomic<std::uint64_t>& deleted);

}  // namespace trainbus
