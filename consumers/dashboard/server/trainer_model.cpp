#include "trainer_model.hpp"

#include <optional>
#include <utility>

#include "trainer_json.hpp"

namespace trainbus {

void TrainerModel::limit(std::size_t max_points, std::size_t max_media_bytes) {
  curves_.set_budget(max_points);
  media_.set_budget(max_media_bytes);
}

// Beside the newest incarnation only one that goes on is of interest: two trainers have one name.
void TrainerModel::follow(const Record& record, std::int64_t now_ms) {
  const Kind kind = record.topic.kind;
  const auto number = record.message.incarnation();
  const auto current = view_.figures().incarnation;
  auto previous = current != 0 && current != number ? std::optional(view_) : std::nullopt;
  if (view_.fold(kind, record.message, now_ms, record.order, record.age_ms)) {
    beside_.erase(number);
    if (!previous) return;
    newest_since_ms_ = now_ms - record.age_ms;
    keep_beside(current, std::move(*previous), now_ms);
    return;
  }
  if (kind == v1::KIND_COMMAND || kind == v1::KIND_ALERT || record.age_ms > kBesideMs) return;
  if (!beside_.contains(number)) keep_beside(number, TrainerView(view_.session()), now_ms);
  beside_.at(number).fold(kind, record.message, now_ms, record.order, record.age_ms);
}

void TrainerModel::keep_beside(std::uint64_t incarnation, TrainerView view, std::int64_t now_ms) {
  std::erase_if(beside_, [&](const auto& entry) { return entry.second.last_heard_age_ms(now_ms) > kBesideMs; });
  if (beside_.size() >= kMaxBeside) return;
  TrainerStanding standing = view.standing();
  standing.newest = false;
  view.set_standing(standing);
  beside_.insert_or_assign(incarnation, std::move(view));
}

// What is heard a while after the newest began was sent after it.
std::vector<const TrainerView*> TrainerModel::beside(std::int64_t now_ms) const {
  std::vector<const TrainerView*> beside;
  for (const auto& [number, view] : beside_) {
    const auto age_ms = view.last_heard_age_ms(now_ms);
    const bool goes_on = age_ms >= 0 && age_ms <= kBesideMs && now_ms - age_ms >= newest_since_ms_ + kInFlightMs;
    if (goes_on && !training_ended(view.figures().status)) beside.push_back(&view);
  }
  return beside;
}

void TrainerModel::set_standing(std::uint64_t incarnation, const TrainerStanding& standing) {
  ++version_;
  shelf_ = Shelf::kListed;
  if (view_.figures().incarnation == incarnation) view_.set_standing(standing);
  if (const auto found = beside_.find(incarnation); found != beside_.end()) found->second.set_standing(standing);
}

void TrainerModel::set_shelf(Shelf shelf) {
  if (std::exchange(shelf_, shelf) != shelf) ++version_;
}

bool TrainerModel::apply(const Record& record, std::int64_t now_ms) {
  ++version_;
  if (!record.from_history) shelf_ = Shelf::kListed;
  follow(record, now_ms);
  switch (record.topic.kind) {
    case v1::KIND_STATUS:
    case v1::KIND_COMMAND:
    case v1::KIND_ALERT:
      if (events_.size() == kMaxEvents) events_.pop_front();
      append_event(events_.emplace_back(), record);
      break;
    case v1::KIND_MEDIA: media_.take(record.message); break;
    default: break;
  }
  return curves_.apply(record);
}

}  // namespace trainbus
