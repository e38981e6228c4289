#include "broker/intake.hpp"

#include <algorithm>

namespace trainbus {
namespace {

std::uint64_t waiting_bytes(const zmq::message_t& body) { return body.size() + Intake::kWaitingRecordBytes; }

}  // namespace

Stream& Intake::add(std::uint64_t id, const Topic& topic, std::uint64_t incarnation) {
  if (by_id_.size() < id) by_id_.resize(id);
  note_last_id(id);
  auto& slot = by_id_[id - 1];
  if (!slot) ++streams_;
  slot = std::make_unique<Stream>();
  slot->id = id;
  slot->topic = topic;
  slot->topic_text = topic.text();
  slot->incarnation = incarnation;
  by_topic_[slot->topic_text][incarnation] = slot.get();
  return *slot;
}

Stream& Intake::restore(std::uint64_t id, const Topic& topic, std::uint64_t incarnation, std::uint64_t last_sequence) {
  Stream& stream = add(id, topic, incarnation);
  stream.forwarded = stream.queued = stream.stored = last_sequence;
  return stream;
}

Stream* Intake::find(const Topic& topic, std::uint64_t incarnation) {
  const auto incarnations = by_topic_.find(topic.text());
  if (incarnations == by_topic_.end()) return nullptr;
  const auto found = incarnations->second.find(incarnation);
  return found == incarnations->second.end() ? nullptr : found->second;
}

Stream* Intake::newest(std::string_view topic_text) {
  const auto incarnations = by_topic_.find(topic_text);
  if (incarnations == by_topic_.end() || incarnations->second.empty()) return nullptr;
  return incarnations->second.rbegin()->second;
}

Stream* Intake::find_or_make(const Topic& topic, std::uint64_t incarnation, bool& is_new) {
  Stream* stream = find(topic, incarnation);
  is_new = stream == nullptr;
  if (!is_new || streams_ >= kMaxStreams) return stream;
  return &add(last_id_ + 1, topic, incarnation);
}

std::vector<Stream*> Intake::streams_of(const SessionName& session, std::uint64_t incarnation) {
  std::vector<Stream*> streams;
  for (const Kind kind : kKeptKinds)
    if (Stream* stream = find({kind, session}, incarnation); stream != nullptr) streams.push_back(stream);
  return streams;
}

bool Intake::knows(const SessionName& session, std::uint64_t incarnation) {
  return std::ranges::any_of(kKeptKinds, [&](Kind kind) { return find({kind, session}, incarnation) != nullptr; });
}

bool Intake::is_quiet(const Stream& stream, std::int64_t now_ms) const {
  const bool all_stored = stream.queued != 0 && stream.stored == stream.queued && stream.forwarded == stream.queued;
  const auto patience = streams_ > kManyStreams ? kQuietOfManyMs : kQuietMs;
  return all_stored && stream.waiting.empty() && stream.gone <= stream.queued && now_ms - stream.heard_ms >= patience;
}

void Intake::forget(Stream& stream) {
  const auto incarnations = by_topic_.find(stream.topic_text);
  incarnations->second.erase(stream.incarnation);
  if (incarnations->second.empty()) by_topic_.erase(incarnations);
  --streams_;
  by_id_[stream.id - 1].reset();
}

std::size_t Intake::forget_quiet(std::int64_t now_ms) {
  const auto before = streams_;
  for (std::size_t looked_at = 0; looked_at < std::min(kLookedAtAtOnce, by_id_.size()); ++looked_at) {
    next_looked_at_ = next_looked_at_ >= by_id_.size() ? 0 : next_looked_at_;
    const auto& stream = by_id_[next_looked_at_++];
    if (!stream || !is_quiet(*stream, now_ms)) continue;
    const auto session = stream->topic.session;
    const auto incarnation = stream->incarnation;
    const auto all = streams_of(session, incarnation);
    if (!std::ranges::all_of(all, [&](const Stream* other) { return is_quiet(*other, now_ms); })) continue;
    for (Stream* other : all)
      forget(*other);
    outboxes_.erase({session.id(), incarnation});  // its trainer says so again
  }
  return before - streams_;
}

void Intake::accept(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
                    std::vector<ReadyRecord>& ready) {
  const bool publish = sequence > stream.forwarded;
  stream.queued = sequence;
  stream.forwarded = std::max(stream.forwarded, sequence);
  ++counters_.accepted;
  ready.push_back({&stream, sequence, timestamp_ms, std::move(body), publish, true});
}

void Intake::offer(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
                   std::int64_t now_ms, bool can_store, std::vector<ReadyRecord>& ready) {
  stream.heard_ms = now_ms;
  if (sequence > kMaxSequence) {
    ++counters_.impossible;
    return;
  }
  if (sequence <= stream.queued || stream.waiting.contains(sequence)) {
    ++counters_.duplicates;
    return;
  }
  if (!can_store) return refuse(stream, sequence, timestamp_ms, std::move(body), ready);
  if (sequence > stream.queued + 1) note_gap(stream, sequence, now_ms, ready);
  if (sequence == stream.queued + 1) {
    accept(stream, sequence, timestamp_ms, std::move(body), ready);
    release_waiting(stream, now_ms, ready);
    return;
  }
  if (counters_.waiting_bytes + waiting_bytes(body) > kMaxWaitingBytes)
    return refuse(stream, sequence, timestamp_ms, std::move(body), ready);
  hold(stream, sequence, timestamp_ms, std::move(body), now_ms);
}

// Before a record behind a gap: a plain stream's gaps are given up.
void Intake::note_gap(Stream& stream, std::uint64_t sequence, std::int64_t now_ms, std::vector<ReadyRecord>& ready) {
  if (stream.first_behind == 0) stream.first_behind = sequence;
  if (!stream.is_plain) {
    if (sequence <= stream.first_behind + kMaxUnacknowledged || has_outbox(stream)) return;
    stream.is_plain = true;
  }
  while (sequence > stream.queued + 1) {
    const bool has_waiting = !stream.waiting.empty() && stream.waiting.begin()->first < sequence;
    lost_.push_back(give_up(stream, (has_waiting ? stream.waiting.begin()->first : sequence) - 1));
    release_waiting(stream, now_ms, ready);
  }
}

// No room: live goes on, in order.
void Intake::refuse(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
                    std::vector<ReadyRecord>& ready) {
  ++counters_.refused;
  const bool is_next = stream.is_plain ? sequence > stream.forwarded : sequence == stream.forwarded + 1;
  if (!is_next) return;
  stream.forwarded = sequence;
  ready.push_back({&stream, sequence, timestamp_ms, std::move(body), true, false});
}

void Intake::hold(Stream& stream, std::uint64_t sequence, std::int64_t timestamp_ms, zmq::message_t body,
                  std::int64_t now_ms) {
  ++counters_.held;
  counters_.waiting_bytes += waiting_bytes(body);
  if (stream.waiting.empty()) {
    stream.gap_since_ms = now_ms;
    with_gaps_.insert(&stream);
  }
  stream.waiting.emplace(sequence, Stream::Waiting{timestamp_ms, std::move(body)});
}

void Intake::note_outbox(const std::string& session_id, std::uint64_t incarnation) {
  if (outboxes_.size() >= kMaxOutboxes || !outboxes_.emplace(session_id, incarnation).second) return;
  const auto session = parse_session_id(session_id);
  for (const Kind kind : kTrainerKinds)
    if (Stream* stream = session ? find({kind, *session}, incarnation) : nullptr; stream != nullptr)
      stream->is_plain = false;
}

bool Intake::has_outbox(const Stream& stream) const {
  return outboxes_.contains({stream.topic.session.id(), stream.incarnation});
}

LostRecords Intake::give_up(Stream& stream, std::uint64_t through) {
  const LostRecords lost{&stream, stream.queued + 1, through};
  counters_.lost += through - stream.queued;
  stream.queued = through;
  return lost;
}

void Intake::release_waiting(Stream& stream, std::int64_t now_ms, std::vector<ReadyRecord>& ready) {
  while (!stream.waiting.empty()) {
    auto first = stream.waiting.begin();
    if (first->first > stream.queued + 1) {
      stream.gap_since_ms = now_ms;  // progress was made: the next gap gets its own time
      stream.first_behind = first->first;
      return;
    }
    counters_.waiting_bytes -= waiting_bytes(first->second.body);
    if (first->first == stream.queued + 1)
      accept(stream, first->first, first->second.timestamp_ms, std::move(first->second.body), ready);
    stream.waiting.erase(first);
  }
  stream.first_behind = 0;
  if (!with_gaps_.empty() && stream.gone <= stream.queued) with_gaps_.erase(&stream);
}

void Intake::forget_waiting(Stream& stream) {
  for (const auto& [sequence, record] : stream.waiting)
    counters_.waiting_bytes -= waiting_bytes(record.body);
  counters_.forgotten += stream.waiting.size();
  stream.waiting.clear();
  stream.first_behind = 0;
  with_gaps_.erase(&stream);
}

void Intake::give_up_old_gaps(std::int64_t now_ms, std::vector<ReadyRecord>& ready, std::vector<LostRecords>& lost) {
  std::vector<Stream*> due;
  for (Stream* stream : with_gaps_) {
    const bool nobody_has_it = stream->gone > stream->queued;
    if (nobody_has_it || now_ms - stream->gap_since_ms >= kGapPatienceMs) due.push_back(stream);
    if (due.size() == kGapsAtOnce) break;
  }
  for (Stream* stream : due) {
    std::uint64_t through = stream->waiting.empty() ? stream->gone : stream->waiting.begin()->first - 1;
    if (stream->gone > stream->queued) {
      through = std::min(through, stream->gone);
    } else if (has_outbox(*stream)) {
      forget_waiting(*stream);
      continue;
    } else {
      stream->is_plain = true;
    }
    lost.push_back(give_up(*stream, through));
    release_waiting(*stream, now_ms, ready);
  }
}

void Intake::note_gone(Stream& stream, std::uint64_t through) {
  stream.gone = std::max(stream.gone, std::min(through, kMaxSequence));
  if (stream.gone > stream.queued) with_gaps_.insert(&stream);
}

void Intake::stored(Stream& stream, std::uint64_t through) { stream.stored = std::max(stream.stored, through); }

}  // namespace trainbus
