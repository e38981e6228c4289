#include "broker/heard_order.hpp"

#include <algorithm>

namespace trainbus {

void HeardOrder::restore(const Heard& heard) { heard_.push_back(heard); }

std::optional<std::size_t> HeardOrder::index_of(std::uint64_t incarnation) const {
  for (auto at = heard_.size(); at-- > 0;)  // nearly always one of the newest is asked for
    if (heard_[at].incarnation == incarnation) return at;
  return std::nullopt;
}

const HeardOrder::Heard* HeardOrder::find(std::uint64_t incarnation) const {
  const auto at = index_of(incarnation);
  return at ? &heard_[*at] : nullptr;
}

const HeardOrder::Heard& HeardOrder::hear(std::uint64_t incarnation, std::int64_t unix_ms) {
  if (const auto at = index_of(incarnation)) return heard_[*at];
  const auto order = heard_.empty() ? kStep : heard_.back().order + kStep;
  return heard_.emplace_back(Heard{.incarnation = incarnation, .order = order, .first_heard_ms = unix_ms});
}

const HeardOrder::Heard& HeardOrder::hear_delivered(std::uint64_t incarnation, std::uint64_t deliverer,
                                                    std::int64_t unix_ms) {
  if (const auto at = index_of(incarnation)) return heard_[*at];
  auto later = deliverer == 0 ? std::nullopt : index_of(deliverer);
  for (auto at = heard_.size(); !later && at-- > 0;)
    if (!heard_[at].delivered) later = at;
  const auto place = later ? place_before(*later) : heard_.size();
  const auto before = place == 0 ? std::nullopt : std::optional(heard_[place - 1].order);
  const auto after = place == heard_.size() ? std::nullopt : std::optional(heard_[place].order);
  std::int64_t order = kStep;
  if (before && after)
    order = *before + std::max<std::int64_t>(1, (*after - *before) / kPart);
  else if (before || after)
    order = before ? *before + kStep : *after - kStep;
  return *heard_.insert(
      heard_.begin() + static_cast<std::ptrdiff_t>(place),
      Heard{.incarnation = incarnation, .order = order, .first_heard_ms = unix_ms, .delivered = true});
}

// Directly before it, where an order is left between the two: that is so for thousands. Else before all, which is
// still before its deliverer.
std::size_t HeardOrder::place_before(std::size_t later) const {
  const bool room = later == 0 || heard_[later].order - heard_[later - 1].order > 1;
  return room ? later : 0;
}

void HeardOrder::set_stored(std::uint64_t incarnation) {
  if (const auto at = index_of(incarnation)) heard_[*at].stored = true;
}

void HeardOrder::set_brought(std::uint64_t incarnation, bool brought) {
  if (const auto at = index_of(incarnation)) heard_[*at].brought = brought;
}

}  // namespace trainbus
