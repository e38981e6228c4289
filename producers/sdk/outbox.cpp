#include "outbox.hpp"

#include <algorithm>

namespace trainbus {
namespace {

constexpr int kMaxDoublings = 3;

}  // namespace

void Outbox::push(Kind kind, std::uint64_t sequence, std::string_view record, std::uint64_t segment) {
  bytes_ += record.size();
  ++records_;
  streams_[kind].entries.push_back({record, sequence, segment, next_order_++, {}});
}

std::optional<std::uint64_t> Outbox::oldest_segment() const {
  std::optional<std::uint64_t> oldest;
  for (const Stream& stream : streams_)
    if (!stream.entries.empty()) oldest = std::min(oldest.value_or(UINT64_MAX), stream.entries.front().segment);
  return oldest;
}

Kind Outbox::next_unsent() const {
  Kind next = v1::KIND_UNKNOWN;
  std::uint64_t lowest = UINT64_MAX;
  for (std::size_t kind = 0; kind < streams_.size(); ++kind) {
    const Stream& stream = streams_[kind];
    if (stream.sent == stream.entries.size() || stream.entries[stream.sent].order >= lowest) continue;
    lowest = stream.entries[stream.sent].order;
    next = static_cast<Kind>(kind);
  }
  return next;
}

std::size_t Outbox::send_new(Clock::time_point now, const Burst& burst, const Send& send) {
  std::size_t sent_records = 0;
  std::size_t sent_bytes = 0;
  for (Kind kind; (kind = next_unsent()) != v1::KIND_UNKNOWN; ++streams_[kind].sent) {
    if (!window_open() || sent_records >= burst.records || sent_bytes >= burst.bytes) break;
    Entry& entry = streams_[kind].entries[streams_[kind].sent];
    if (!send(kind, entry.record)) break;
    entry.sent = now;
    ++sent_records;
    sent_bytes += entry.record.size();
    ++in_flight_;
    in_flight_bytes_ += entry.record.size();
  }
  return sent_records;
}

void Outbox::acknowledge(Kind kind, std::uint64_t through, Clock::time_point now) {
  if (kind < 0 || static_cast<std::size_t>(kind) >= streams_.size()) return;
  Stream& stream = streams_[kind];
  std::size_t count = 0;
  while (!stream.entries.empty() && stream.entries.front().sequence <= through) {
    const std::size_t size = stream.entries.front().record.size();
    bytes_ -= size;
    if (count < stream.sent) {
      --in_flight_;
      in_flight_bytes_ -= size;
    }
    stream.stored = stream.entries.front().sequence;
    stream.entries.pop_front();
    ++count;
  }
  if (count == 0) return;
  records_ -= count;
  stream.fruitless = 0;
  stream.progress = now;
  stream.sent -= std::min(stream.sent, count);
  stream.cursor -= std::min(stream.cursor, count);
  stream.marked -= std::min(stream.marked, count);
}

void Outbox::resend_all() {
  for (Stream& stream : streams_) {
    stream.cursor = 0;
    stream.marked = stream.sent;
    stream.fruitless = 0;
  }
}

bool Outbox::due(const Stream& stream, Clock::time_point now, Clock::duration patience) {
  if (stream.cursor >= stream.sent) return false;
  if (stream.cursor < stream.marked) return true;
  return now - std::max(stream.entries[stream.cursor].sent, stream.progress) >= patience * (1 << stream.fruitless);
}

std::size_t Outbox::resend_due(Clock::time_point now, Clock::duration patience, const Burst& burst, const Send& send) {
  std::size_t sent_records = 0;
  std::size_t sent_bytes = 0;
  for (std::size_t kind = 0; kind < streams_.size(); ++kind) {
    Stream& stream = streams_[kind];
    const bool resends = due(stream, now, patience);
    while (due(stream, now, patience)) {
      if (sent_records >= burst.records || sent_bytes >= burst.bytes) return sent_records;
      Entry& entry = stream.entries[stream.cursor];
      if (!send(static_cast<Kind>(kind), entry.record)) return sent_records;
      entry.sent = now;
      ++stream.cursor;
      ++sent_records;
      sent_bytes += entry.record.size();
    }
    // The round is over; the front is due again when nothing moves for another `patience`.
    if (resends) stream.fruitless = std::min(stream.fruitless + 1, kMaxDoublings);
    stream.cursor = 0;
    stream.marked = 0;
  }
  return sent_records;
}

}  // namespace trainbus
