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
  const auto at = gaps_.find(stream);
  if (at != gaps_.end()) ready_if_next(stream, at->second, heads_[stream]);
}

void StreamMerge::ready_if_next(const StreamKey& stream, const Gap& gap, std::uint64_t head) {
  if (gap.aside.empty() || gap.aside.begin()->first != head + 1) return;
  ready_.try_emplace(gap.aside.begin()->second.arrival, stream);
}

Verdict StreamMerge::keep_aside(const StreamKey& stream, std::uint64_t sequence, std::string_view body,
                                std::int64_t now_ms) {
  const auto [at, is_new] = gaps_.try_emplace(stream);
  Gap& gap = at->second;
  if (is_new) gap.ask_at_ms = now_ms;
  gap.highest = std::max(gap.highest, sequence);
  if (aside_bytes_ + body.size() > max_aside_bytes_) {
    ++dropped_aside_;
    return Verdict::kGap;
  }
  if (!gap.aside.try_emplace(sequence, Aside{arrivals_ + 1, std::string(body)}).second) return Verdict::kDuplicate;
  ++arrivals_;
  aside_bytes_ += body.size();
  return Verdict::kGap;
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
  const auto [at, is_new] = gaps_.try_emplace(stream);
  if (is_new) at->second.ask_at_ms = now_ms + kAnnouncedMs;
  at->second.highest = std::max(at->second.highest, highest);
}

// The head moved: a gap may be filled, or what waits behind it may have its turn.
void StreamMerge::moved(const StreamKey& stream, std::uint64_t head) {
  if (gaps_.empty()) return;
  const auto at = gaps_.find(stream);
  if (at == gaps_.end()) return;
  Gap& gap = at->second;
  forget_aside(gap, head);
  if (gap.highest <= head) {
    gaps_.erase(at);
    return;
  }
  gap.ask_again_ms = kAskAgainMs;
  ready_if_next(stream, gap, head);
}

void StreamMerge::forget_aside(Gap& gap, std::uint64_t through) {
  while (!gap.aside.empty() && gap.aside.begin()->first <= through) {
    aside_bytes_ -= gap.aside.begin()->second.body.size();
    gap.aside.erase(gap.aside.begin());
  }
}

std::optional<StreamMerge::Ready> StreamMerge::take_ready() {
  while (!ready_.empty()) {
    Ready ready{std::move(ready_.begin()->second), {}};
    ready_.erase(ready_.begin());
    const auto at = gaps_.find(ready.stream);
    if (at == gaps_.end() || at->second.aside.empty()) continue;
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

std::vector<StreamKey> StreamMerge::gaps_to_ask(std::int64_t now_ms, std::size_t limit) const {
  std::vector<std::pair<std::int64_t, const StreamKey*>> due;
  for (const auto& [stream, gap] : gaps_)
    if (gap.ask_at_ms <= now_ms) due.emplace_back(gap.ask_at_ms, &stream);
  std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<StreamKey> streams;
  for (const auto& [at_ms, stream] : due) {
    if (streams.size() == limit) break;
    streams.push_back(*stream);
  }
  return streams;
}

void StreamMerge::asked(const StreamKey& stream, std::int64_t now_ms) {
  const auto at = gaps_.find(stream);
  if (at == gaps_.end()) return;
  Gap& gap = at->second;
  gap.ask_at_ms = now_ms + gap.ask_again_ms;
  gap.ask_again_ms = std::min(2 * gap.ask_again_ms, kAskRarelyMs);
  gaps_found_ += gap.counted ? 0 : 1;
  gap.counted = true;
}

}  // namespace trainbus
