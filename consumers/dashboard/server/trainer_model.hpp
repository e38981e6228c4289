#pragma once
// Everything the dashboard keeps of one trainer: the last value of everything, the curves, the newest media and events.
// Single-threaded.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "media_store.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/trainer_view.hpp"
#include "trainer_curves.hpp"

namespace trainbus {

// Where the broker has it; retired: nowhere, it comes from the history.
enum class Shelf : std::uint8_t { kListed, kArchived, kDeleted, kRetired };

class TrainerModel {
 public:
  static constexpr std::size_t kMaxEvents = 500;  // the oldest go

  explicit TrainerModel(const SessionName& session) : view_(session) {}

  // At most about so many points over all curves, and so many bytes of media.
  void limit(std::size_t max_points, std::size_t max_media_bytes);

  // Takes one record or heartbeat. True when points that a browser may already show moved or were superseded.
  bool apply(const Record& record, std::int64_t now_ms);

  // What the broker lists of one of its incarnations.
  void set_standing(std::uint64_t incarnation, const TrainerStanding& standing);

  // Another one whenever something in here may have changed.
  std::uint64_t version() const { return version_; }

  // Listed again as soon as it is heard of or listed.
  Shelf shelf() const { return shelf_; }
  void set_shelf(Shelf shelf);

  // The newest incarnation.
  const TrainerView& view() const { return view_; }
  // Older ones that go on beside it.
  std::vector<const TrainerView*> beside(std::int64_t now_ms) const;
  const TrainerCurves& curves() const { return curves_; }
  const MediaStore& media() const { return media_; }
  // The newest status, command and alert records, oldest first, each one JSON object.
  const std::deque<std::string>& events() const { return events_; }

 private:
  static constexpr std::int64_t kBesideMs = 15'000;  // silent for longer, it is not there any more
  static constexpr std::int64_t kInFlightMs = 2'000;
  static constexpr std::size_t kMaxBeside = 16;  // further ones are not followed

  void follow(const Record& record, std::int64_t now_ms);
  void keep_beside(std::uint64_t incarnation, TrainerView view, std::int64_t now_ms);

  std::uint64_t version_ = 1;
  Shelf shelf_ = Shelf::kListed;
  TrainerView view_;
  std::map<std::uint64_t, TrainerView> beside_;  // older incarnations that were heard lately
  std::int64_t newest_since_ms_ = 0;
  TrainerCurves curves_;
  MediaStore media_;
  std::deque<std::string> events_;
};

}  // namespace trainbus
