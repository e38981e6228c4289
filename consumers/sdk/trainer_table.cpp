#include "trainbus/trainer_table.hpp"

namespace trainbus {

void TrainerTable::update(const v1::TrainerList& list, std::int64_t now_ms) {
  broker_reachable_ = true;
  const auto broker_started_ms = static_cast<std::int64_t>(list.broker_incarnation() >> 20);
  const std::int64_t broker_age_ms = list.broker_time_ms() - broker_started_ms;
  for (const auto& entry : list.trainers()) {
    auto session = parse_session_id(entry.session_id());
    if (!session) continue;
    auto& trainer = trainers_.try_emplace(entry.session_id(), Trainer{TrainerView(std::move(*session))}).first->second;
    trainer.view.fold(entry, now_ms);
    const bool heard = entry.last_heartbeat_age_ms() >= 0 || entry.last_record_age_ms() >= 0;
    trainer.settled_at_ms = heard ? now_ms : now_ms + kSettlingMs - broker_age_ms;
  }
}

std::vector<TrainerTable::Row> TrainerTable::rows(std::int64_t now_ms) const {
  std::vector<Row> rows;
  for (const auto& [session_id, trainer] : trainers_) {
    const bool reachable = broker_reachable_ && now_ms >= trainer.settled_at_ms;
    rows.push_back({&trainer.view, trainer.view.liveness(now_ms, reachable)});
  }
  return rows;
}

}  // namespace trainbus
