#pragma once
// The incarnations of one session, oldest first: in the order in which the broker first heard of them. No clock and no
// number of theirs decides it. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace trainbus {

class HeardOrder {
 public:
  struct Heard {
    std::uint64_t incarnation = 0;
    std::int64_t order = 0;           // the larger was heard later; never changes
    std::int64_t first_heard_ms = 0;  // Unix time of the broker
    bool stored = false;              // the journal has this
    bool deleted = false;             // its records were; what still comes of it is dropped
    bool delivered = false;           // it had ended when it was first heard of: only its records came
    bool brought = false;             // its records are brought by somebody else now: they are no sign of life
  };

  // As the journal has it; given in ascending order.
  void restore(const Heard& heard);
  // The newest, if it is not known yet.
  const Heard& hear(std::uint64_t incarnation, std::int64_t unix_ms);
  // One that had ended before `deliverer`, which brings its records, began. Where nobody says who brings them (0, or
  // one that is not known) it stands before the newest that was heard itself.
  const Heard& hear_delivered(std::uint64_t incarnation, std::uint64_t deliverer, std::int64_t unix_ms);
  void set_stored(std::uint64_t incarnation);
  void set_brought(std::uint64_t incarnation, bool brought);

  const Heard* find(std::uint64_t incarnation) const;
  const Heard* newest() const { return heard_.empty() ? nullptr : &heard_.back(); }
  std::span<const Heard> all() const { return heard_; }

 private:
  // Between two that follow each other, for those that are delivered later.
  static constexpr std::int64_t kStep = std::int64_t{1} << 32;
  // Of the room that is left between two the next delivered one takes this part, so that more fit on both its sides.
  static constexpr std::int64_t kPart = 1024;

  std::optional<std::size_t> index_of(std::uint64_t incarnation) const;
  std::size_t place_before(std::size_t later) const;

  std::vector<Heard> heard_;  // ascending order
};

}  // namespace trainbus
