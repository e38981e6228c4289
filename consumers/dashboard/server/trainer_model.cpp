#include "trainer_model.hpp"

#include "trainer_json.hpp"

namespace trainbus {

void TrainerModel::limit(std::size_t max_points, std::size_t max_media_bytes) {
  curves_.set_budget(max_points);
  media_.set_budget(max_media_bytes);
}

bool TrainerModel::apply(const Record& record, std::int64_t now_ms) {
  view_.fold(record.topic.kind, record.message, now_ms, record.from_history);
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
