#pragma once
// Intake: drops duplicates and puts every stream of kept records in order. Pure: no sockets, no clock of its own.
//
// A record that follows what is there is ready at once: publish it, store it. One that leaves a hole waits for the
// hole to be filled. A trainer with an outbox (it said HELLO) sends again what is not acknowledged, now or at its next
// start, so what waits behind its hole may be forgotten after kHolePatienceMs, and nothing is lost. A plain publisher
// never fills a hole: it is given up as lost, and said so. So is what a trainer was once told is stored (`gone`), where
// the journal has lost it: a power cut, or another state folder. Three cursors a stream: forwarded >= queued >= stored.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>
#include <zmq.hpp>

#include "trainbus/topic.hpp"

namespace trainbus {

struct Stream {
  std::uint64_t id = 0;  // the journal's
  Topic topic;
  std::string topic_text;
  std::uint64_t incarnation = 0;
  std::uint64_t forwarded = 0;  // published up to here
  std::uint64_t queued = 0;     // handed to the journal up to here
  std::uint64_t stored = 0;     // committed up to here
  std::uint64_t gone = 0;       // its trainer says it no longer has anything up to here

  struct Waiting {
    std::int64_t timestamp_ms = 0;
    zmq::message_t body;
  };
  std::map<std::uint64_t, Waiting> waiting;  // behind a hole, by sequence
  std::int64_t hole_since_ms = 0;
};

// One record to act upon, in stream order.
struct ReadyRecord {
  Stream* stream = nullptr;
  std::uint64_t sequence = 0;
  std::int64_t timestamp_ms = 0;
  zmq::message_t body;
  bool publish = true;
  bool store = true;
};

struct LostRecords {
  Stream* stream = nullptr;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

struct IntakeCounters {
  std::uint64_t accepted = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t impossible = 0;     // a sequence above kMaxSequence
  std::uint64_t held = 0;           // waited behind a hole
  std::uint64_t refused = 0;        // no room to wait; the trainer sends it again
  std::uint64_t forgotten = 0;      // waited too long; still in the trainer's outbox
  std::uint64_t lost = 0;           // given up
  std::uint64_t waiting_bytes = 0;  // now
};

class Intake {
 public:
  static constexpr std::int64_t kHolePatienceMs = 10'000;
  static constexpr std::uint64_t kMaxSequence = INT64_MAX;     // what a journal can hold
  static constexpr std::uint64_t kMaxWaitingBytes = 64 << 20;  // over all streams; policy: refuse the newest
  static constexpr std::uint64_t kWaitingRecordBytes = 256;    // what keeping one takes beside its body
  static constexpr std::size_t kHolesAtOnce = 1'000;           // given up in one call, so that no turn takes long
  static constexpr std::size_t kMaxOutboxes = 200'000;         // policy: refuse new ones
  static constexpr std::size_t kMaxStreams = 200'000;          // policy: refuse new ones

  // A stream as the journal knows it, at start.
  Stream& restore(std::uint64_t id, const Topic& topic, std::uint64_t incarnation, std::uint64_t last_sequence);
  // Makes it when it is new (then `is_new`); nullptr past kMaxStreams. The pointer stays valid.
  Stream* find_or_make(const Topic& topic, std::uint64_t incarnation, bool& is_new);
  Stream* find(const Topic& topic, std::uint64_t incarnation);

  // This incarnation keeps what is not acknowledged.
  void note_outbox(const std::string& session_id, std::uint64_t incarnation) {
    if (outboxes_.size() < kMaxOutboxes) outboxes_.emplace(session_id, incarnation);
  }

  // The trainer was told that everything up to here is stored, and has let go of it.
  static void note_gone(Stream& stream, std::uint64_t through) {
    stream.gone = std::max(stream.gone, std::min(through, kMaxSequence));
  }

  // Takes one record; what became ready (nothing, this one, or also some that waited) is appended to `ready`.
  // `body` may wait long: it must not hold on to more memory than it shows. can_store = false (the disk is full, the
  // backlog too): live goes on, nothing is queued, the trainer keeps it.
  void offer(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
             std::int64_t now_ms, bool can_store, std::vector<ReadyRecord>& ready);
  // Ends the waiting behind holes that have been open too long, or that nobody can fill, some at a time; called a few
  // times a second.
  void give_up_old_holes(std::int64_t now_ms, std::vector<ReadyRecord>& ready, std::vector<LostRecords>& lost);

  // The journal committed up to here.
  static void stored(Stream& stream, std::uint64_t through);

  const IntakeCounters& counters() const { return counters_; }
  std::size_t streams() const { return by_id_.size(); }
  Stream& by_id(std::uint64_t id) { return *by_id_[id - 1]; }

 private:
  void accept(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
              std::vector<ReadyRecord>& ready);
  void release_waiting(Stream& stream, std::int64_t now_ms, std::vector<ReadyRecord>& ready);
  void forget_waiting(Stream& stream);
  Stream& add(std::uint64_t id, const Topic& topic, std::uint64_t incarnation);

  // One entry a topic and incarnation; nearly every lookup hits the newest incarnation.
  std::unordered_map<std::string, std::map<std::uint64_t, Stream*>> by_topic_;
  std::vector<std::unique_ptr<Stream>> by_id_;  // id - 1; null where the journal skips an id
  std::unordered_set<Stream*> with_holes_;
  std::set<std::pair<std::string, std::uint64_t>> outboxes_;  // (session, incarnation)
  IntakeCounters counters_;
};

}  // namespace trainbus
