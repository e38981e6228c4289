#include "outbox.hpp"

#include <algorithm>

namespace trainbus {

void Outbox::push(Kind kind, std::uint64_t sequence, std::string record, Clock::time_point now) {
  Stream& stream = streams_[kind];
  if (stream.entries.empty()) stream.first = sequence;
  bytes_ += record.size();
  ++records_;
  stream.entries.push_back({std::move(record), now});
}

void Outbox::acknowledge(Kind kind, std::uint64_t through, Clock::time_point now) {
  if (kind < 0 || static_cast<std::size_t>(kind) >= streams_.size()) return;
  Stream& stream = streams_[kind];
  std::size_t count = 0;
  while (!stream.entries.empty() && stream.first <= through) {
    bytes_ -= stream.entries.front().record.size();
    stream.entries.pop_front();
    ++stream.first;
    ++count;
  }
  if (count == 0) return;
  records_ -= count;
  stream.stored += count;
  stream.progress = now;
  stream.cursor -= std::min(stream.cursor, count);
  stream.marked -= std::min(stream.marked, count);
}

void Outbox::resend_all() {
  for (Stream& stream : streams_) {
    stream.cursor = 0;
    stream.marked = stream.entries.size();
  }
}

bool Outbox::due(const Stream& stream, Clock::time_point now, Clock::duration patience) {
  if (stream.cursor >= stream.entries.size()) return false;
  if (stream.cursor < stream.marked) return true;
  return now - std::max(stream.entries[stream.cursor].sent, stream.progress) >= patience;
}

std::size_t Outbox::resend_due(Clock::time_point now, Clock::duration patience, const Burst& burst, const Send& send) {
  std::size_t sent_records = 0;
  std::size_t sent_bytes = 0;
  for (std::size_t kind = 0; kind < streams_.size(); ++kind) {
    Stream& stream = streams_[kind];
    while (due(stream, now, patience)) {
      if (sent_records >= burst.records || sent_bytes >= burst.bytes) return sent_records;
      Entry& entry = stream.entries[stream.cursor];
      if (!send(static_cast<Kind>(kind), entry.record)) return sent_records;
      entry.sent = now;
      ++stream.cursor;
      ++sent_records;
      sent_bytes += entry.record.size();
    }
    stream.cursor = 0;  // the round is over; the front is due again when nothing moves for another `patience`
    stream.marked = 0;
  }
  return sent_records;
}

void Outbox::for_each(const std::function<void(Kind, const std::string&)>& visit) const {
  for (std::size_t kind = 0; kind < streams_.size(); ++kind)
    for (const Entry& entry : streams_[kind].entries)
      visit(static_cast<Kind>(kind), entry.record);
}

}  // namespace trainbus
