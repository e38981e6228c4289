#include "trainbus/trainer_table.hpp"

#include <algorithm>

namespace trainbus {

void TrainerTable::update(const v1::TrainerList& list, std::int64_t now_ms) {
  broker_reachable_ = true;
  if (list.broker_incarnation() != broker_incarnation_) {
    broker_incarnation_ = list.broker_incarnation();
    started_ms_ = static_cast<std::int64_t>(list.broker_incarnation() >> 20);
    // By two readings of the broker's clock, which may have jumped in between: so within bounds.
    settled_at_ms_ =
        now_ms + std::clamp<std::int64_t>(kSettlingMs - (list.broker_time_ms() - started_ms_), 0, kSettlingMs);
  }
  std::erase_if(trainers_, [](const auto& entry) { return !entry.second.listed; });
  for (auto& [key, trainer] : trainers_)
    trainer.listed = false;
  for (const auto& entry : list.trainers()) {
    auto session = parse_session_id(entry.session_id());
    if (!session) continue;
    const Key key{entry.session_id(), entry.incarnation()};
    auto& trainer = trainers_.try_emplace(key, Trainer{TrainerView(std::move(*session))}).first->second;
    trainer.view.fold(entry, now_ms, list.broker_time_ms());
    const bool heard = entry.last_heartbeat_age_ms() >= 0 || entry.last_record_age_ms() >= 0;
    // First heard of by this broker process, and not from itself: somebody brought what it left.
    const bool brought = !heard && entry.first_heard_ms() >= started_ms_;
    trainer.settled_at_ms = heard || brought ? now_ms : settled_at_ms_;
    trainer.listed = true;
  }
}

std::vector<TrainerTable::Row> TrainerTable::rows(std::int64_t now_ms) const {
  std::vector<Row> rows;
  for (const auto& [key, trainer] : trainers_) {
    if (!trainer.listed) continue;
    const bool reachable = broker_reachable_ && now_ms >= trainer.settled_at_ms;
    rows.push_back({&trainer.view, trainer.view.liveness(now_ms, reachable)});
  }
  const auto session = [](const Row& row) { return row.view->session(); };
  for (auto at = rows.begin(); at != rows.end();) {
    const auto end = std::find_if(at, rows.end(), [&](const Row& row) { return session(row) != session(*at); });
    std::sort(at, end,
              [](const Row& one, const Row& other) { return one.view->figures().order < other.view->figures().order; });
    for (auto row = at; row != end; ++row) {
      row->alone = end - at == 1;
      row->newest = row + 1 == end;
    }
    at = end;
  }
  return rows;
}

}  // namespace trainbus
