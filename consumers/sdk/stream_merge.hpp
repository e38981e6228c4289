#pragma once
// Two sources of the same streams, the live feed and the journal, into one: each record once, in order.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trainbus/consumer.hpp"

namespace trainbus {

enum class Verdict {
  kNext,       // hand it out; the head is moved
  kDuplicate,  // had already
  kGap,        // something before it is missing; kept aside (or dropped past the bound) until that came
};

// Pure: no sockets, no clock (`now_ms` is any steady time). Single-threaded. Owns the heads and what is kept aside, at
// most kMaxAsideBytes; past that live records are dropped, counted, and stay gaps for the journal to fill.
class StreamMerge {
 public:
  static constexpr std::size_t kMaxAsideBytes = 64 << 20;
  static constexpr std::int64_t kAskAgainMs = 200;     // for a gap the journal could not fill yet, doubled up to
  static constexpr std::int64_t kAskRarelyMs = 5'000;  // this
  static constexpr std::int64_t kAnnouncedMs = 300;    // what a heartbeat announces may still be on its way

  // `from_first_seen`: a stream without a head starts at whatever is seen of it first, not at 1.
  explicit StreamMerge(StreamHeads heads, bool from_first_seen, std::size_t max_aside_bytes = kMaxAsideBytes)
      : heads_(std::move(heads)), from_first_seen_(from_first_seen), max_aside_bytes_(max_aside_bytes) {}

  Verdict offer_live(const StreamKey& stream, std::uint64_t sequence, std::string_view body, std::int64_t now_ms);
  // The same, but kept aside as if something before it were missing: until the journal was asked, and release().
  Verdict hold(const StreamKey& stream, std::uint64_t sequence, std::string_view body, std::int64_t now_ms);
  void release(const StreamKey& stream);
  // A record of the journal, which is in order: what it skips is lost. Never kGap.
  Verdict offer_stored(const StreamKey& stream, std::uint64_t sequence);
  // The journal says that these are gone: counts only where nothing before them is missing too.
  void lose(const StreamKey& stream, std::uint64_t first, std::uint64_t last);
  // The stream has got up to here, says its trainer.
  void announce(const StreamKey& stream, std::uint64_t highest, std::int64_t now_ms);

  struct Ready {
    StreamKey stream;
    std::string body;
  };
  // A record that was kept aside and whose turn has come, in the order in which they came; the head is moved.
  std::optional<Ready> take_ready();

  // The streams with a gap that should be asked for now, oldest question first, at most `limit`.
  std::vector<StreamKey> gaps_to_ask(std::int64_t now_ms, std::size_t limit) const;
  // It was asked for, just now.
  void asked(const StreamKey& stream, std::int64_t now_ms);
  std::size_t gaps() const { return gaps_.size(); }

  const StreamHeads& heads() const { return heads_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t gaps_found() const { return gaps_found_; }  // asked for at least once
  std::uint64_t dropped_aside() const { return dropped_aside_; }

 private:
  struct Aside {
    std::uint64_t arrival = 0;  // counts those of all streams
    std::string body;
  };
  struct Gap {
    std::uint64_t highest = 0;  // known to exist
    std::map<std::uint64_t, Aside> aside;
    std::int64_t ask_at_ms = 0;
    std::int64_t ask_again_ms = kAskAgainMs;
    bool counted = false;
  };
  using Gaps = std::map<StreamKey, Gap>;

  Verdict keep_aside(const StreamKey& stream, std::uint64_t sequence, std::string_view body, std::int64_t now_ms);
  std::uint64_t* head_of(const StreamKey& stream, std::uint64_t first_seen);
  void moved(const StreamKey& stream, std::uint64_t head);
  void ready_if_next(const StreamKey& stream, const Gap& gap, std::uint64_t head);
  void forget_aside(Gap& gap, std::uint64_t through);

  StreamHeads heads_;
  bool from_first_seen_;
  std::size_t max_aside_bytes_;
  Gaps gaps_;
  std::map<std::uint64_t, StreamKey> ready_;  // streams whose first record aside has its turn, by its arrival
  std::uint64_t arrivals_ = 0;
  std::size_t aside_bytes_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t gaps_found_ = 0;
  std::uint64_t dropped_aside_ = 0;
};

}  // namespace trainbus
