#pragma once
// Where kept records wait until the broker says they are stored.

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>

#include "trainbus/topic.hpp"

namespace trainbus {

// Pure and single-threaded; time is an argument. Drops nothing: the owner looks at full() before it numbers another
// record. It does not own the bytes, only says from which segment on they are needed. Per kind the sequences rise,
// because acknowledgements are cumulative.
class Outbox {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kPatience{1};  // nothing acknowledged for so long: sent again

  struct Limits {
    std::size_t records = 1 << 17;
    std::size_t bytes = 64 << 20;
  };
  // So much may be sent and not acknowledged. Below the publisher's high-water mark, so that a burst waits here
  // instead of being dropped there.
  struct Window {
    std::size_t records = 8192;
    std::size_t bytes = 8 << 20;
  };
  // At most this much is sent per call.
  struct Burst {
    std::size_t records = 256;
    std::size_t bytes = 1 << 20;
  };
  // Sends one record; false when it could not be taken, which ends the call.
  using Send = std::function<bool(Kind kind, std::string_view record)>;

  explicit Outbox(Limits limits, Window window) : limits_(limits), window_(window) {}

  bool full() const { return records_ >= limits_.records || bytes_ >= limits_.bytes; }
  bool empty() const { return records_ == 0; }
  std::size_t records() const { return records_; }
  std::size_t bytes() const { return bytes_; }
  // Acknowledged up to here.
  std::uint64_t stored(Kind kind) const { return streams_[kind].stored; }
  // The lowest sequence of the kind that is not acknowledged; 0 when there is none.
  std::uint64_t front(Kind kind) const {
    const auto& entries = streams_[kind].entries;
    return entries.empty() ? 0 : entries.front().sequence;
  }

  // `sequence` is above the kind's last one. The bytes stay where they are until it is acknowledged; `segment` names
  // the place, and never falls.
  void push(Kind kind, std::uint64_t sequence, std::string_view record, std::uint64_t segment = 0);
  // The lowest segment that still holds a record; empty when there is none.
  std::optional<std::uint64_t> oldest_segment() const;

  // Sends what was never sent, as far as the window goes, in the order of the pushes: COMPLETED comes after the
  // last batch. Returns how many were sent.
  std::size_t send_new(Clock::time_point now, const Burst& burst, const Send& send);

  // The kind has nothing up to and including `through` any more, and nobody else has. Only where nothing of it waits.
  void gone(Kind kind, std::uint64_t through) { streams_[kind].stored = through; }
  // Everything of the kind up to and including `through` is stored. What was never pushed is ignored.
  void acknowledge(Kind kind, std::uint64_t through, Clock::time_point now);

  // Everything that was sent is due again: the broker is a new one.
  void resend_all();

  // Sends again what is due, oldest first: what resend_all() marked, and all that was sent of a kind of which nothing
  // was acknowledged for `patience`, which doubles with every round that brought nothing, up to eightfold: a broker
  // that is only slow is not given more to do. Returns how many were sent.
  std::size_t resend_due(Clock::time_point now, Clock::duration patience, const Burst& burst, const Send& send);

 private:
  struct Entry {
    std::string_view record;
    std::uint64_t sequence = 0;
    std::uint64_t segment = 0;
    std::uint64_t order = 0;  // of the push, over all kinds
    Clock::time_point sent{};
  };
  struct Stream {
    std::deque<Entry> entries;
    std::size_t sent = 0;    // so many from the front were sent at least once
    std::size_t cursor = 0;  // next one of the round of resending that is going on
    std::size_t marked = 0;  // so many from the front are due whatever their age
    std::uint64_t stored = 0;
    int fruitless = 0;             // rounds since the last acknowledgement
    Clock::time_point progress{};  // last time an acknowledgement moved the front
  };

  static bool due(const Stream& stream, Clock::time_point now, Clock::duration patience);

  // The kind whose turn it is; KIND_UNKNOWN when everything was sent.
  Kind next_unsent() const;
  bool window_open() const { return in_flight_ < window_.records && in_flight_bytes_ < window_.bytes; }

  const Limits limits_;
  const Window window_;
  std::array<Stream, v1::Kind_ARRAYSIZE> streams_{};
  std::uint64_t next_order_ = 0;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  std::size_t in_flight_ = 0;  // sent and not acknowledged
  std::size_t in_flight_bytes_ = 0;
};

}  // namespace trainbus
