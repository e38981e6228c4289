#pragma once
// The history desk: archives, restores and deletes what the journal has of a session, by command. Nothing of it
// reaches a trainer. Used by the bus thread only; what takes time runs on a thread of its own, one session at a time.
//
//   archive: out of lists, still on disk and fetched by name       restore: back in lists
//   delete: at once out of lists and LOST for whoever asks; the space is given back in small steps, also after a
//           restart of the broker. What still arrives of a deleted incarnation is dropped as LOST; a new start is new.
//
// Refused while a trainer of the session is live. Each command is an audited record of its session, which stays.
// Parameters: `older_than_ms` (refused where a record came later than so long ago), `dry_run` (nothing is done or
// recorded, the answer says what would be). The answer's old_value is "listed", "archived" or "deleted" as it was,
// new_value "N records, M bytes".

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "broker/record_store.hpp"
#include "broker/roster.hpp"
#include "broker/session_history.hpp"

namespace trainbus {

class HistoryDesk {
 public:
  static constexpr std::size_t kMaxWaiting = 10'000;   // commands not yet looked at; policy: refuse
  static constexpr std::size_t kMaxEnded = 10'000;     // remembered for who asks again; policy: drop_oldest
  static constexpr std::size_t kMaxLists = 100;        // asked and not yet answered; policy: refuse
  static constexpr std::int64_t kUnheardMs = 30'000;   // after a start, who is live may not have been heard yet
  static constexpr std::int64_t kTryAgainMs = 10'000;  // a deletion that failed

  // The command as it stands, or null and one line of why there is none.
  using Answer = std::function<void(const v1::AddressedCommand* command, const std::string& error)>;

  static bool handles(v1::CommandType type);

  explicit HistoryDesk(std::string journal_path) : journal_path_(std::move(journal_path)) {}
  ~HistoryDesk();  // ends a deletion between two steps; the next start goes on with it
  HistoryDesk(const HistoryDesk&) = delete;
  HistoryDesk& operator=(const HistoryDesk&) = delete;
  // A state of such a command that is read back at start: a deletion that had not ended goes on.
  void restore(const std::string& session_id, const v1::ControlCommand& command);
  // Set once, before the first issue or tick.
  void attach(RecordStore& store, Roster& roster);

  // `session_id` names one trainer. Answers once the journal has the command, or refuses it. The same id again is the
  // same command.
  void issue(const std::string& session_id, const v1::ControlCommand& command, Answer answer);
  // A page of all that the journal has, archived ones and long ended ones too; `answer` gets it or one line of why not.
  using ListAnswer = std::function<void(v1::TrainerList list, const std::string& error)>;
  void list(const v1::ListRequest& request, ListAnswer answer);
  // As it stands, with what a deletion has done so far; null: not known.
  const v1::AddressedCommand* find(const std::string& command_id);
  void tick(std::int64_t now_ms);
  // Somebody waits for what a thread reads: a tick should come soon.
  bool busy() const { return looking_.valid() || listing_.valid(); }

 private:
  struct Job {
    v1::AddressedCommand addressed;
    Answer answer;
    SessionHistory history;
    std::atomic<std::uint64_t> deleted{0};
    bool resumed = false;  // of an earlier broker: accepted already

    v1::ControlCommand& command() { return *addressed.mutable_command(); }
  };
  using JobPtr = std::shared_ptr<Job>;

  void decide(const JobPtr& job, std::int64_t now_ms);
  std::string refusal(const Job& job, std::int64_t now_ms) const;
  void apply(const JobPtr& job);
  void show_as(const Job& job, Visibility visibility);
  void end_deletion(const JobPtr& job, const std::string& error);
  void record(const JobPtr& job, v1::CommandState state, std::function<void()> then);
  void end(const JobPtr& job);
  bool is_dry(const Job& job) const;
  void list_next(std::int64_t now_ms);

  const std::string journal_path_;
  RecordStore* store_ = nullptr;
  Roster* roster_ = nullptr;
  std::map<std::string, JobPtr> by_id_;
  std::deque<std::string> ended_;  // ids, oldest first
  std::deque<JobPtr> to_look_at_, to_delete_;
  std::atomic<bool> stop_{false};
  JobPtr looked_at_, deleted_;  // what the futures are about
  std::future<SessionHistory> looking_;
  std::future<std::string> deleting_;
  std::deque<std::pair<v1::ListRequest, ListAnswer>> to_list_;
  std::future<JournalList> listing_;
  std::int64_t next_deletion_ms_ = 0;
  std::int64_t started_ms_ = 0;
};

}  // namespace trainbus
