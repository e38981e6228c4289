#pragma once
// Everything the dashboard keeps of one trainer: the last value of everything, the curves, the newest media and events.
// Single-threaded.

#include <deque>
#include <string>

#include "media_store.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/trainer_view.hpp"
#include "trainer_curves.hpp"

namespace trainbus {

class TrainerModel {
 public:
  static constexpr std::size_t kMaxEvents = 500;  // the oldest go

  explicit TrainerModel(const SessionName& session) : view_(session) {}

  // At most about so many points over all curves, and so many bytes of media.
  void limit(std::size_t max_points, std::size_t max_media_bytes);

  // Takes one record or heartbeat. True when points that a browser may already show moved or were superseded.
  bool apply(const Record& record, std::int64_t now_ms);

  const TrainerView& view() const { return view_; }
  const TrainerCurves& curves() const { return curves_; }
  const MediaStore& media() const { return media_; }
  // The newest status, command and alert records, oldest first, each one JSON object.
  const std::deque<std::string>& events() const { return events_; }

 private:
  TrainerView view_;
  TrainerCurves curves_;
  MediaStore media_;
  std::deque<std::string> events_;
};

}  // namespace trainbus
