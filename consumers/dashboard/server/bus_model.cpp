#include "bus_model.hpp"

namespace trainbus {

bool BusModel::apply(const Record& record, std::int64_t now_ms) {
  const auto& session = record.topic.session;
  return trainers_.try_emplace({session.run, session.trainer}, session).first->second.apply(record, now_ms);
}

const TrainerModel* BusModel::find(const SessionName& session) const {
  const auto found = trainers_.find({session.run, session.trainer});
  return found == trainers_.end() ? nullptr : &found->second;
}

bool BusModel::has_run(const std::string& run) const {
  const auto found = trainers_.lower_bound({run, {}});
  return found != trainers_.end() && found->first.first == run;
}

}  // namespace trainbus
