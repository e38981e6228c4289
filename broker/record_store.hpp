#pragma once
// The way of a kept record through the broker: intake (once, in order), publish, journal. Used by the bus thread only.

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "broker/intake.hpp"
#include "broker/journal_thread.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

class RecordStore {
 public:
  // Bodies handed to the journal or waiting for a full disk, at most; then records are forwarded but not stored, and
  // their trainers keep them.
  static constexpr std::uint64_t kMaxBacklogBytes = 128 << 20;
  using Publish = std::function<void(const std::string& topic, zmq::message_t body)>;
  using OnStored = std::function<void()>;

  // Reads back what the journal has; `seen` gets the newest record of every stream, and every command and alert.
  using Seen = std::function<void(const Topic&, const v1::MetricsRequest&, zmq::message_t body)>;
  RecordStore(zmq::context_t& context, const std::string& journal_path, Durability durability, Retention retention,
              Publish publish, const Seen& seen);

  // A decoded kept record. Without incarnation or sequence it is numbered here, and `message` and `body` are changed.
  // False when there is no room for another stream.
  bool take(const Topic& topic, v1::MetricsRequest& message, zmq::message_t& body, std::int64_t now_ms);

  // This incarnation keeps what is not acknowledged: its holes are its own to fill.
  void note_outbox(const std::string& session_id, std::uint64_t incarnation) {
    intake_.note_outbox(session_id, incarnation);
  }
  // The trainer no longer has what it was told is stored: a hole up to here will not be filled.
  void note_gone(const Topic& topic, std::uint64_t incarnation, std::uint64_t through) {
    if (Stream* stream = stream_for(topic, incarnation)) Intake::note_gone(*stream, through);
  }

  // A record the broker itself writes: numbered here, published after the commit, then `on_stored` is called. Sets the
  // message's sequence. Kept through a full disk.
  void write(const Topic& topic, v1::MetricsRequest& message, OnStored on_stored);
  // The same, published at once: for a stream of this broker's own incarnation, whose numbers nobody gives out again.
  void write_now(const Topic& topic, v1::MetricsRequest& message);

  // Answered through journal().take_answer(), with everything taken in before.
  void fetch(std::unique_ptr<FetchJob> job);
  struct News {
    std::function<void(const Stream&)> stored;  // its head in the journal moved
    std::function<void(const LostRecords&)> gave_up;
    std::function<void(const std::string& error)> failing;  // once when the journal begins to fail
    std::function<void()> healed;
  };
  // Hands over what was taken, takes in what the journal says.
  void turn(std::int64_t now_ms, const News& news);
  // True when everything taken was committed.
  bool idle() const { return pending_->empty() && in_flight_ == 0; }
  // Highest stored sequence of a stream; 0 when it is unknown.
  std::uint64_t stored_through(const Topic& topic, std::uint64_t incarnation);

  JournalThread& journal() { return journal_; }
  const Intake& intake() const { return intake_; }
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
  Stream* stream_for(const Topic& topic, std::uint64_t incarnation);
  void give_up_old_holes(std::int64_t now_ms, const News& news);
  void act_on_ready();
  void hand_over();
  void take_outcome(StoreOutcome& outcome, std::int64_t now_ms, const News& news);
  void note_health(const StoreOutcome& outcome, const News& news);
  void finish_own_records();

  const std::uint64_t broker_incarnation_ = new_incarnation();
  Publish publish_;
  JournalThread journal_;
  Intake intake_;
  std::unique_ptr<StoreBatch> pending_;
  StoreBatch failed_;                // what came back unstored, oldest first
  std::uint64_t backlog_bytes_ = 0;  // pending_ and handed over
  std::size_t in_flight_ = 0;        // batches handed over and not yet answered
  std::int64_t retry_at_ms_ = 0;
  std::int64_t next_holes_ms_ = 0;
  std::string failure_;  // the journal's error while it fails
  std::deque<OwnRecord> own_;
  std::vector<ReadyRecord> ready_;
};

}  // namespace trainbus
