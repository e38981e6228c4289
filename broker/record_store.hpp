#pragma once
// The way of a kept record through the broker: intake (once, in order), publish, journal. Used by the bus thread only.

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "broker/intake.hpp"
#include "broker/journal_thread.hpp"
#include "broker/shared_names.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

class RecordStore {
 public:
  // At most one commit in this time: records that come meanwhile share the next one, and the journal's thread sleeps.
  static constexpr std::int64_t kCommitEveryMs = 10;
  // Bodies handed to the journal or waiting for a full disk, at most; then records are forwarded but not stored, and
  // their trainers keep them.
  static constexpr std::uint64_t kMaxBacklogBytes = 128 << 20;
  using Publish = std::function<void(const std::string& topic, zmq::message_t body)>;
  using OnStored = std::function<void()>;

  // At start the streams that were made last are read back; older ones when somebody asks for them.
  static constexpr std::size_t kReadBackAtStart = 20'000;
  // `seen` gets the newest record of every stream that is read back, and every command and alert of it.
  // `taken_in_ms`: Unix time of the broker when it took the record in; 0: of a command or an alert.
  using Seen =
      std::function<void(const Topic&, const v1::MetricsRequest&, zmq::message_t body, std::int64_t taken_in_ms)>;
  using SeenArchived = std::function<void(const IncarnationRow&)>;  // each, after the records
  RecordStore(
      const std::string& journal_path, Durability durability, Retention retention, Publish publish, Seen seen,
      const SeenArchived& seen_archived = [](const IncarnationRow&) {});

  // A kept record that was found good, of a known incarnation (Roster::identify); of `message` its envelope counts.
  // Without a sequence it is numbered here, and `message` and `body` are changed. `newest`: the topic's newest stream,
  // where the caller has it. False when there is no room for another stream, or the journal cannot be read.
  bool take(const Topic& topic, v1::MetricsRequest& message, zmq::message_t& body, std::int64_t now_ms,
            Stream* newest = nullptr);
  // The newest stream of a topic that kept records came on before; nullptr: none did.
  Stream* newest(std::string_view topic_text) { return intake_.newest(topic_text); }
  // What the journal knows of a session's incarnations, in their order.
  std::vector<IncarnationRow> incarnations(const std::string& session_id);

  // An incarnation, before the first record of it or in the same turn.
  void add(IncarnationRow incarnation) { pending_->incarnations.push_back(std::move(incarnation)); }

  // This incarnation keeps what is not acknowledged: its gaps are its own to fill.
  void note_outbox(const std::string& session_id, std::uint64_t incarnation) {
    intake_.note_outbox(session_id, incarnation);
  }
  // The trainer no longer has what it was told is stored: a gap up to here will not be filled.
  void note_gone(const Topic& topic, std::uint64_t incarnation, std::uint64_t through) {
    if (Stream* stream = stream_for(topic, incarnation)) intake_.note_gone(*stream, through);
  }
  // Brings an incarnation back into memory that was forgotten, or that an earlier broker heard: its streams, and its
  // newest records to `seen` of the constructor. Nothing where it is in memory. False when the journal cannot be read.
  bool recall(const SessionName& session, std::uint64_t incarnation);

  // With the next commit: where histories are shown.
  void set_visibility(std::vector<IncarnationRow> rows);
  // What still comes of these is dropped as lost.
  void drop_from_now_on(const std::vector<IncarnationRow>& incarnations);

  // A record the broker itself writes: numbered here, published after the commit, then `on_stored` is called: at once
  // while the journal fails. Sets the message's sequence. Kept through a full disk.
  void write(const Topic& topic, v1::MetricsRequest& message, OnStored on_stored);
  // The same, published at once: for a stream of this broker's own incarnation, whose numbers nobody gives out again.
  void write_now(const Topic& topic, v1::MetricsRequest& message);

  // Answered through journal().take_answer(), with everything taken in before.
  void fetch(std::unique_ptr<FetchJob> job, std::int64_t now_ms);
  struct News {
    std::function<void(const Stream&)> stored;  // its head in the journal moved
    std::function<void(const LostRecords&)> gave_up;
    // Once when the journal begins to fail, by an alert's rule.
    std::function<void(const std::string& rule, const std::string& error)> failing;
    std::function<void(const std::string& rule)> healed;
  };
  // Hands over what was taken when that is due, takes in what the journal says.
  void turn(std::int64_t now_ms, const News& news);
  // How long a turn may wait: until what was taken is due. -1: nothing is.
  std::int64_t due_in_ms(std::int64_t now_ms) const;
  // True when everything taken was committed.
  bool idle() const { return pending_->empty() && in_flight_ == 0; }
  // Highest stored sequence of a stream; 0 when it is unknown.
  std::uint64_t stored_through(const Topic& topic, std::uint64_t incarnation);

  std::uint64_t backlog_bytes() const { return backlog_bytes_; }
  std::uint64_t not_stored() const { return not_stored_; }  // forwarded only, for want of room in the backlog

  // Who sends other records under numbers that were there before.
  SharedNames& shared() { return shared_; }
  std::uint64_t conflicting() const { return conflicting_; }  // such records

  JournalThread& journal() { return journal_; }
  const Intake& intake() const { return intake_; }
  // Sessions that the journal had at the start and a list may show.
  std::size_t listed_at_start() const { return listed_at_start_; }
  std::uint64_t dropped_as_deleted() const { return dropped_as_deleted_; }
  bool failing() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  std::uint64_t broker_incarnation() const { return broker_incarnation_; }

 private:
  struct OwnRecord {
    Stream* stream;
    std::uint64_t sequence;
    std::string body;
    OnStored on_stored;
  };
  void wait_for_nothing();
  void note_time(Stream& stream, const v1::MetricsRequest& message, bool duplicate, std::int64_t now_ms);
  void number(const Stream& stream, v1::MetricsRequest& message, zmq::message_t& body) const;
  Stream* stream_for(const Topic& topic, std::uint64_t incarnation);
  void restore(const StreamRow& row);
  void drop_as_lost(Stream& stream, std::uint64_t sequence);
  void forget_quiet(std::int64_t now_ms);
  void give_up_old_gaps(std::int64_t now_ms);
  void note_lost(const std::vector<LostRecords>& lost, std::int64_t now_ms);
  std::int64_t wall_ms(std::int64_t now_ms);
  void act_on_ready(std::int64_t now_ms);
  void hand_over(std::int64_t now_ms);
  void take_outcome(StoreOutcome& outcome, std::int64_t now_ms, const News& news);
  void note_health(const StoreOutcome& outcome, const News& news);
  void finish_own_records();

  const std::uint64_t broker_incarnation_ = new_incarnation();
  Publish publish_;
  const Seen seen_;
  JournalThread journal_;
  JournalReader lookup_;  // on the bus thread: what was forgotten, a few look-ups by index at a time
  const bool forgets_;    // there is a journal to recall it from
  Intake intake_;
  std::unique_ptr<StoreBatch> pending_;
  StoreBatch spare_;   // empty, with the memory of one that was stored
  StoreBatch failed_;  // what came back unstored, oldest first
  SharedNames shared_;
  std::uint64_t conflicting_ = 0;
  std::uint64_t not_stored_ = 0;
  std::uint64_t backlog_bytes_ = 0;  // pending_ and handed over
  std::size_t in_flight_ = 0;        // batches handed over and not yet answered
  std::int64_t wall_ms_ = 0, wall_at_ms_ = -1;
  std::int64_t next_commit_ms_ = 0;
  std::int64_t retry_at_ms_ = 0;
  std::int64_t next_gaps_ms_ = 0;
  std::int64_t next_say_lost_ms_ = 0;
  std::vector<LostRecords> gave_up_;  // of which the others still have to hear
  std::int64_t next_forget_ms_ = 0;
  std::uint64_t dropped_as_deleted_ = 0;
  std::size_t listed_at_start_ = 0;
  std::unordered_set<std::size_t> deleted_;  // incarnations, by key_of
  std::string failure_;                      // the journal's error while it fails
  std::string failure_rule_;
  std::deque<OwnRecord> own_;
  std::vector<ReadyRecord> ready_;
};

}  // namespace trainbus
