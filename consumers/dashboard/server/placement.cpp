#include "placement.hpp"

#include <algorithm>
#include <optional>

#include "record_value.hpp"

namespace trainbus {
namespace {

// The epoch of a batch or an epoch record; 0 of a batch is not said.
double first_epoch(const v1::MetricsRequest& message) {
  if (message.has_epoch_data()) return message.epoch_data().epoch();
  return message.has_batch_data() && message.batch_data().epoch() > 0 ? message.batch_data().epoch() : kNoBound;
}

}  // namespace

// One that a later one delivered from its spool comes after it, and stands before it.
void Placement::hear(std::uint64_t incarnation, std::int64_t order) {
  std::optional<std::uint64_t> before;
  std::int64_t next = 0;
  for (const auto& [number, known] : known_)
    if (order != 0 && known.order > order && (!before || known.order < next)) {
      before = number;
      next = known.order;
    }
  line_.hear(incarnation, before);
}

Placement::Placed Placement::take(const v1::MetricsRequest& message, std::int64_t order) {
  const std::uint64_t incarnation = message.incarnation();
  if (!known_.contains(incarnation)) hear(incarnation, order);
  const auto [known, is_new] = known_.try_emplace(incarnation);
  if (order != 0) known->second.order = order;
  const auto place = line_.place(incarnation, message);
  Placed placed{.own_step = static_cast<double>(step_in(message))};
  if (place) placed.own_step = static_cast<double>(place->x - line_.first_step(incarnation).value_or(0));
  const bool began = place && place->began;
  const double epoch = first_epoch(message);
  if (began) known->second.supersedes_after = static_cast<double>(place->superseded_after);
  if (is_new || began || epoch < known->second.first_epoch) {
    known->second.first_epoch = std::min(known->second.first_epoch, epoch);
    lay_out();
  }
  const Place* here = find(Axis::kStep, incarnation);
  placed.told_apart = here != nullptr;
  placed.moved = began && here != nullptr && (steps_.size() > 1 || here->offset != 0);
  return placed;
}

void Placement::lay_out() {
  steps_.clear();
  epochs_.clear();
  const auto order = line_.incarnations();
  for (std::size_t at = forgotten_; at < order.size(); ++at) {
    const Known& known = known_[order[at]];
    const auto first_step = static_cast<double>(line_.first_step(order[at]).value_or(0));
    steps_.push_back({order[at], first_step, known.supersedes_after + 1, kNoBound});
    epochs_.push_back({order[at], 0, known.first_epoch, kNoBound});
  }
  for (auto* places : {&steps_, &epochs_}) {
    double end = kNoBound;
    for (auto place = places->rbegin(); place != places->rend(); ++place) {
      place->end = end;
      end = std::min(end, place->begin);
    }
  }
}

const Place* Placement::find(Axis axis, std::uint64_t incarnation) const {
  const auto all = places(axis);
  const auto found = std::ranges::find(all, incarnation, &Place::incarnation);
  return found == all.end() ? nullptr : &*found;
}

void Placement::forget_oldest() {
  known_.erase(steps_.front().incarnation);
  ++forgotten_;
  lay_out();
}

}  // namespace trainbus
