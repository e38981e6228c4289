#include "broker/intake.hpp"

#include <algorithm>

namespace trainbus {
namespace {

std::uint64_t waiting_bytes(const zmq::message_t& body) { return body.size() + Intake::kWaitingRecordBytes; }

}  // namespace

Stream& Intake::add(std::uint64_t id, const Topic& topic, std::uint64_t incarnation) {
  if (by_id_.size() < id) by_id_.resize(id);
  auto& slot = by_id_[id - 1];
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

Stream* Intake::find_or_make(const Topic& topic, std::uint64_t incarnation, bool& is_new) {
  Stream* stream = find(topic, incarnation);
  is_new = stream == nullptr;
  if (!is_new || by_id_.size() >= kMaxStreams) return stream;
  return &add(by_id_.size() + 1, topic, incarnation);
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
  if (sequence > kMaxSequence) {
    ++counters_.impossible;
    return;
  }
  if (sequence <= stream.queued || stream.waiting.contains(sequence)) {
    ++counters_.duplicates;
    return;
  }
  if (sequence == stream.queued + 1 && can_store) {
    accept(stream, sequence, timestamp_ms, std::move(body), ready);
    release_waiting(stream, now_ms, ready);
    return;
  }
  if (!can_store || counters_.waiting_bytes + waiting_bytes(body) > kMaxWaitingBytes) {
    ++counters_.refused;
    if (sequence != stream.forwarded + 1) return;
    stream.forwarded = sequence;
    ready.push_back({&stream, sequence, timestamp_ms, std::move(body), true, false});
    return;
  }
  ++counters_.held;
  counters_.waiting_bytes += waiting_bytes(body);
  if (stream.waiting.empty()) {
    stream.hole_since_ms = now_ms;
    with_holes_.insert(&stream);
  }
  stream.waiting.emplace(sequence, Stream::Waiting{timestamp_ms, std::move(body)});
}

void Intake::release_waiting(Stream& stream, std::int64_t now_ms, std::vector<ReadyRecord>& ready) {
  while (!stream.waiting.empty()) {
    auto first = stream.waiting.begin();
    if (first->first > stream.queued + 1) {
      stream.hole_since_ms = now_ms;  // progress was made: the next hole gets its own time
      return;
    }
    counters_.waiting_bytes -= waiting_bytes(first->second.body);
    if (first->first == stream.queued + 1)
      accept(stream, first->first, first->second.timestamp_ms, std::move(first->second.body), ready);
    stream.waiting.erase(first);
  }
  with_holes_.erase(&stream);
}

void Intake::forget_waiting(Stream& stream) {
  for (const auto& [sequence, record] : stream.waiting)
    counters_.waiting_bytes -= waiting_bytes(record.body);
  counters_.forgotten += stream.waiting.size();
  stream.waiting.clear();
  with_holes_.erase(&stream);
}

void Intake::give_up_old_holes(std::int64_t now_ms, std::vector<ReadyRecord>& ready, std::vector<LostRecords>& lost) {
  std::vector<Stream*> due;
  for (Stream* stream : with_holes_) {
    const bool nobody_has_it = stream->gone > stream->queued;
    if (nobody_has_it || now_ms - stream->hole_since_ms >= kHolePatienceMs) due.push_back(stream);
    if (due.size() == kHolesAtOnce) break;
  }
  for (Stream* stream : due) {
    std::uint64_t through = stream->waiting.begin()->first - 1;
    if (stream->gone > stream->queued) {
      through = std::min(through, stream->gone);
    } else if (outboxes_.contains({stream->topic.session.id(), stream->incarnation})) {
      forget_waiting(*stream);
      continue;
    }
    lost.push_back({stream, stream->queued + 1, through});
    counters_.lost += through - stream->queued;
    stream->queued = through;
    release_waiting(*stream, now_ms, ready);
  }
}

void Intake::stored(Stream& stream, std::uint64_t through) { stream.stored = std::max(stream.stored, through); }

}  // namespace trainbus
