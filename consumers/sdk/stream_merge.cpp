#include "stream_merge.hpp"

#include <algorithm>

namespace trainbus {

// The stream's head, made when it is new: just before `first_seen`, or at 0.
std::uint64_t* StreamMerge::head_of(const StreamKey& stream, std::uint64_t first_seen) {
  const auto at = heads_.lower_bound(stream);
  if (at != heads_.end() && at->first == stream) return &at->second;
  return &heads_.emplace_hint(at, stream, from_first_seen_ ? first_seen - 1 : 0)->second;
}

Verdict StreamMerge::offer_live(const StreamKey& stream, std::uint64_t sequence, std::string_view body,
                                std::int64_t now_ms) {
  std::uint64_t& head = *head_of(stream, sequence);
  if (sequence <= head) return Verdict::kDuplicate;
  if (sequence == head + 1) {
    head = sequence;
    moved(stream, head);
    return Verdict::kNext;
  }
  return keep_aside(stream, sequence, body, now_ms);
}

Verdict StreamMerge::hold(const StreamKey& stream, std::uint64_t sequence, std::string_view body, std::int64_t now_ms) {
  if (sequence <= *head_of(stream, sequence)) return Verdict::kDuplicate;
  return keep_aside(stream, sequence, body, now_ms);
}

void StreamMerge::release(const StreamKey& stream) {
  const auto at = holes_.find(stream);
  if (at != holes_.end()) ready_if_next(stream, at->second, heads_[stream]);
}

void StreamMerge::ready_if_next(const StreamKey& stream, const Hole& hole, std::uint64_t head) {
  if (hole.aside.empty() || hole.aside.begin()->first != head + 1) return;
  ready_.try_emplace(hole.aside.begin()->second.arrival, stream);
}

Verdict StreamMerge::keep_aside(const StreamKey& stream, std::uint64_t sequence, std::string_view body,
                                std::int64_t now_ms) {
  const auto [at, is_new] = holes_.try_emplace(stream);
  Hole& hole = at->second;
  if (is_new) hole.ask_at_ms = now_ms;
  hole.highest = std::max(hole.highest, sequence);
  if (aside_bytes_ + body.size() > max_aside_bytes_) {
    ++dropped_aside_;
    return Verdict::kHole;
  }
  if (!hole.aside.try_emplace(sequence, Aside{arrivals_ + 1, std::string(body)}).second) return Verdict::kDuplicate;
  ++arrivals_;
  aside_bytes_ += body.size();
  return Verdict::kHole;
}

Verdict StreamMerge::offer_stored(const StreamKey& stream, std::uint64_t sequence) {
  std::uint64_t& head = *head_of(stream, sequence);
  if (sequence <= head) return Verdict::kDuplicate;
  lost_ += sequence - head - 1;
  head = sequence;
  moved(stream, head);
  return Verdict::kNext;
}

void StreamMerge::lose(const StreamKey& stream, std::uint64_t first, std::uint64_t last) {
  std::uint64_t& head = *head_of(stream, last + 1);
  if (head >= last || head + 1 < first) return;
  lost_ += last - head;
  head = last;
  moved(stream, head);
}

void StreamMerge::announce(const StreamKey& stream, std::uint64_t highest, std::int64_t now_ms) {
  if (highest == 0) return;
  if (*head_of(stream, highest + 1) >= highest) return;
  const auto [at, is_new] = holes_.try_emplace(stream);
  if (is_new) at->second.ask_at_ms = now_ms + kAnnouncedMs;
  at->second.highest = std::max(at->second.highest, highest);
}

// The head moved: a hole may be filled, or what waits behind it may have its turn.
void StreamMerge::moved(const StreamKey& stream, std::uint64_t head) {
  if (holes_.empty()) return;
  const auto at = holes_.find(stream);
  if (at == holes_.end()) return;
  Hole& hole = at->second;
  forget_aside(hole, head);
  if (hole.highest <= head) {
    holes_.erase(at);
    return;
  }
  hole.ask_again_ms = kAskAgainMs;
  ready_if_next(stream, hole, head);
}

void StreamMerge::forget_aside(Hole& hole, std::uint64_t through) {
  while (!hole.aside.empty() && hole.aside.begin()->first <= through) {
    aside_bytes_ -= hole.aside.begin()->second.body.size();
    hole.aside.erase(hole.aside.begin());
  }
}

std::optional<StreamMerge::Ready> StreamMerge::take_ready() {
  while (!ready_.empty()) {
    Ready ready{std::move(ready_.begin()->second), {}};
    ready_.erase(ready_.begin());
    const auto at = holes_.find(ready.stream);
    if (at == holes_.end() || at->second.aside.empty()) continue;
    auto& aside = at->second.aside;
    std::uint64_t& head = heads_[ready.stream];
    if (aside.begin()->first != head + 1) continue;
    ready.body = std::move(aside.begin()->second.body);
    aside_bytes_ -= ready.body.size();
    aside.erase(aside.begin());
    moved(ready.stream, ++head);
    return ready;
  }
  return std::nullopt;
}

std::vector<StreamKey> StreamMerge::holes_to_ask(std::int64_t now_ms, std::size_t limit) const {
  std::vector<std::pair<std::int64_t, const StreamKey*>> due;
  for (const auto& [stream, hole] : holes_)
    if (hole.ask_at_ms <= now_ms) due.emplace_back(hole.ask_at_ms, &stream);
  std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<StreamKey> streams;
  for (const auto& [at_ms, stream] : due) {
    if (streams.size() == limit) break;
    streams.push_back(*stream);
  }
  return streams;
}

void StreamMerge::asked(const StreamKey& stream, std::int64_t now_ms) {
  const auto at = holes_.find(stream);
  if (at == holes_.end()) return;
  Hole& hole = at->second;
  hole.ask_at_ms = now_ms + hole.ask_again_ms;
  hole.ask_again_ms = std::min(2 * hole.ask_again_ms, kAskRarelyMs);
  holes_found_ += hole.counted ? 0 : 1;
  hole.counted = true;
}

}  // namespace trainbus
