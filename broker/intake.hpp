#pragma once
// Intake: drops duplicates and puts every stream of kept records in order. Pure: no sockets, no clock of its own.
//
// A record that follows what is there is ready at once: publish it, store it. One that leaves a gap waits for the
// gap to be filled. A trainer with an outbox (it said HELLO) sends again what is not acknowledged, now or at its next
// start, so what waits behind its gap may be forgotten after kGapPatienceMs, and nothing is lost. A plain publisher
// never fills a gap: it is given up as lost, and said so; once it is known for plain, at once: or a publisher that
// drops under load would have nearly all of its records wait. Lost is also what a trainer was once told is stored
// (`gone`), where the journal has lost it: a power cut, or another state folder. Three cursors a stream: forwarded >=
// queued >= stored.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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
  std::int64_t heard_ms = 0;    // steady; when its last record came
  std::int64_t latest_ms = 0;   // the latest time that one of its records says, for whoever offers; 0: not known
  bool deleted = false;         // its history was deleted: what still comes is dropped as lost

  struct Waiting {
    std::int64_t timestamp_ms = 0;
    zmq::message_t body;
  };
  std::map<std::uint64_t, Waiting> waiting;  // behind a gap, by sequence
  std::int64_t gap_since_ms = 0;
  std::uint64_t first_behind = 0;  // the first sequence that came behind the gap; 0: there is none
  bool is_plain = false;           // it fills no gaps: one was given up, and its trainer has said no hello
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
  std::uint64_t held = 0;           // waited behind a gap
  std::uint64_t refused = 0;        // no room to wait; the trainer sends it again
  std::uint64_t forgotten = 0;      // waited too long; still in the trainer's outbox
  std::uint64_t lost = 0;           // given up
  std::uint64_t waiting_bytes = 0;  // now
};

class Intake {
 public:
  static constexpr std::int64_t kGapPatienceMs = 10'000;
  static constexpr std::uint64_t kMaxSequence = INT64_MAX;     // what a journal can hold
  static constexpr std::uint64_t kMaxWaitingBytes = 64 << 20;  // over all streams; policy: refuse the newest
  // A trainer with an outbox has no more than this sent and not acknowledged. Who goes further past a gap, without a
  // hello, has none.
  static constexpr std::uint64_t kMaxUnacknowledged = 8192;
  static constexpr std::uint64_t kWaitingRecordBytes = 256;  // what keeping one takes beside its body
  static constexpr std::size_t kGapsAtOnce = 1'000;          // given up in one call, so that no turn takes long
  static constexpr std::size_t kMaxOutboxes = 200'000;       // policy: refuse new ones
  static constexpr std::size_t kMaxStreams = 200'000;        // in memory; policy: refuse new ones
  // An incarnation of which all is stored is forgotten after this time without a record, past the bound after the other
  // one. It is in memory as a whole or not at all: who does not find it restores it from the journal.
  static constexpr std::size_t kManyStreams = 50'000;
  static constexpr std::int64_t kQuietMs = 600'000;
  static constexpr std::int64_t kQuietOfManyMs = 1'000;
  static constexpr std::size_t kLookedAtAtOnce = 20'000;

  // A stream as the journal knows it, at start or when it is looked up.
  Stream& restore(std::uint64_t id, const Topic& topic, std::uint64_t incarnation, std::uint64_t last_sequence);
  // Ids up to here are the journal's.
  void note_last_id(std::uint64_t id) { last_id_ = std::max(last_id_, id); }
  // Whether streams of the incarnation are in memory.
  bool knows(const SessionName& session, std::uint64_t incarnation);
  // Makes it when it is new (then `is_new`), of an incarnation that is in memory or that the journal does not have;
  // nullptr past kMaxStreams. The pointer stays valid until the incarnation is forgotten.
  Stream* find_or_make(const Topic& topic, std::uint64_t incarnation, bool& is_new);
  Stream* find(const Topic& topic, std::uint64_t incarnation);
  // The stream of the topic's largest incarnation, by the bytes of the topic; nullptr when there is none.
  Stream* newest(std::string_view topic_text);

  // This incarnation keeps what is not acknowledged.
  void note_outbox(const std::string& session_id, std::uint64_t incarnation);

  // The trainer was told that everything up to here is stored, and has let go of it: what is not there is given up
  // with the next look, whether another record comes or not.
  void note_gone(Stream& stream, std::uint64_t through);

  // Takes one record; what became ready (nothing, this one, or also some that waited) is appended to `ready`.
  // `body` may wait long: it must not hold on to more memory than it shows. can_store = false (the disk is full, the
  // backlog too): live goes on, nothing is queued, the trainer keeps it.
  void offer(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
             std::int64_t now_ms, bool can_store, std::vector<ReadyRecord>& ready);
  // What a call of offer gave up, since this was asked last: before what became ready of the same stream.
  std::vector<LostRecords> take_lost() { return std::exchange(lost_, {}); }
  // Ends the waiting behind gaps that have been open too long, or that nobody can fill, some at a time; called a few
  // times a second.
  void give_up_old_gaps(std::int64_t now_ms, std::vector<ReadyRecord>& ready, std::vector<LostRecords>& lost);

  // Drops from memory what the journal has and nobody asked for lately; some at a time. Returns how many.
  std::size_t forget_quiet(std::int64_t now_ms);

  // The journal committed up to here.
  static void stored(Stream& stream, std::uint64_t through);

  const IntakeCounters& counters() const { return counters_; }
  std::size_t streams() const { return streams_; }  // in memory
  // One that is not wholly stored yet: it is in memory.
  Stream& by_id(std::uint64_t id) { return *by_id_[id - 1]; }

 private:
  void accept(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
              std::vector<ReadyRecord>& ready);
  void hold(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
            std::int64_t now_ms);
  bool has_outbox(const Stream& stream) const;
  void refuse(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
              std::vector<ReadyRecord>& ready);
  void note_gap(Stream& stream, std::uint64_t sequence, std::int64_t now_ms, std::vector<ReadyRecord>& ready);
  LostRecords give_up(Stream& stream, std::uint64_t through);
  void release_waiting(Stream& stream, std::int64_t now_ms, std::vector<ReadyRecord>& ready);
  void forget_waiting(Stream& stream);
  Stream& add(std::uint64_t id, const Topic& topic, std::uint64_t incarnation);
  std::vector<Stream*> streams_of(const SessionName& session, std::uint64_t incarnation);
  bool is_quiet(const Stream& stream, std::int64_t now_ms) const;
  void forget(Stream& stream);

  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  // One entry a topic and incarnation; nearly every lookup hits the newest incarnation.
  std::unordered_map<std::string, std::map<std::uint64_t, Stream*>, TextHash, std::equal_to<>> by_topic_;
  std::vector<std::unique_ptr<Stream>> by_id_;  // id - 1; null where it is not in memory
  std::size_t streams_ = 0;
  std::uint64_t last_id_ = 0;
  std::size_t next_looked_at_ = 0;
  std::unordered_set<Stream*> with_gaps_;
  std::set<std::pair<std::string, std::uint64_t>> outboxes_;  // (session, incarnation)
  std::vector<LostRecords> lost_;
  IntakeCounters counters_;
};

}  // namespace trainbus
