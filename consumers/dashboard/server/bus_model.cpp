#include "bus_model.hpp"

#include <bit>

#include "trainbus/bus_session.hpp"

namespace trainbus {

bool BusModel::apply(const Record& record, std::int64_t now_ms) {
  const auto& session = record.topic.session;
  if (record.message.has_alert()) alerts_.take(record);
  if (session.run == kBusRun && record.message.has_alert() && find(session) == nullptr) {
    take_trouble(session.trainer, record.message);
    return false;
  }
  return trainer(session).apply(record, now_ms);
}

TrainerModel& BusModel::trainer(const SessionName& session) {
  const auto [at, is_new] = trainers_.try_emplace({session.run, session.trainer}, session);
  if (is_new) {
    if (std::has_single_bit(trainers_.size())) share_memory();
    at->second.limit(points_share_, media_share_);
  }
  return at->second;
}

// For as many trainers as there can be before the next power of two.
void BusModel::share_memory() {
  points_share_ = max_points_ / (2 * trainers_.size());
  media_share_ = max_media_bytes_ / (2 * trainers_.size());
  for (auto& [name, model] : trainers_)
    model.limit(points_share_, media_share_);
}

void BusModel::take_trouble(const std::string& program, const v1::MetricsRequest& record) {
  const auto& alert = record.alert();
  if (alert.active())
    troubles_[{program, alert.rule()}] = {alert.message(), record_ms(record)};
  else
    troubles_.erase({program, alert.rule()});
}

const TrainerModel* BusModel::find(const SessionName& session) const {
  const auto found = trainers_.find({session.run, session.trainer});
  return found == trainers_.end() ? nullptr : &found->second;
}

void BusModel::set_standing(const SessionName& session, std::uint64_t incarnation, const TrainerStanding& standing) {
  const auto found = trainers_.find({session.run, session.trainer});
  if (found != trainers_.end()) found->second.set_standing(incarnation, standing);
}

void BusModel::set_shelf(const SessionName& session, Shelf shelf) {
  const auto found = trainers_.find({session.run, session.trainer});
  if (found == trainers_.end()) return;
  if (shelf == Shelf::kDeleted)
    trainers_.erase(found);
  else
    found->second.set_shelf(shelf);
}

bool BusModel::has_run(const std::string& run) const {
  const auto found = trainers_.lower_bound({run, {}});
  return found != trainers_.end() && found->first.first == run;
}

}  // namespace trainbus
