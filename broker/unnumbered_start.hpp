#pragma once
// Which start of a trainer that numbers nothing a record belongs to: the rule of proto/README.md, "Trainers that number
// nothing". Pure; times are steady milliseconds.

#include <cstdint>
#include <tuple>
#include <utility>

#include "trainbus/wire.hpp"

namespace trainbus {

class UnnumberedStart {
 public:
  static constexpr std::int64_t kSilentMs = 10'000;   // whoever comes back later than this may be another start
  static constexpr std::int64_t kTrailingMs = 1'000;  // what follows an end so soon, and is no batch, belongs to it

  explicit UnnumberedStart(std::uint64_t incarnation = 0) : incarnation_(incarnation) {}

  std::uint64_t incarnation() const { return incarnation_; }  // 0: none yet

  // Whether this record or heartbeat begins another start. `newest`: no other incarnation of the session began since.
  bool another_begins(Kind kind, const v1::MetricsRequest& record, bool newest, std::int64_t now_ms) const {
    if (incarnation_ == 0) return true;
    if (!is_kept(kind)) return false;
    const auto& status = record.status_update();
    const bool begins = record.has_status_update() && !training_ended(status.status());
    if (ended_)
      return begins || kind == v1::KIND_BATCH || (!record.has_status_update() && now_ms - heard_ms_ >= kTrailingMs);
    if (begins && status.status() == v1::INITIALIZING) return past_initializing_;
    if (now_ms - heard_ms_ < kSilentMs) return false;
    return !newest || (begins && status.has_config()) || position_of(record) < position_;
  }

  void take(const v1::MetricsRequest& record, std::int64_t now_ms) {
    heard_ms_ = now_ms;
    if (record.has_status_update()) {
      ended_ = training_ended(record.status_update().status());
      past_initializing_ = past_initializing_ || record.status_update().status() != v1::INITIALIZING;
    } else if (says_position(record)) {
      past_initializing_ = true;
      position_ = position_of(record);
    }
  }

  // Whether batches come on two connections in turn: a lost connection does not come back. To be told of each batch.
  bool from_two_places(int connection, std::int64_t now_ms) {
    if (connection < 0 || connection == connection_) return false;
    const bool is_back = connection == connection_before_;
    turns_ = is_back && now_ms - turn_ms_ < kTurnMs ? turns_ + 1 : 0;
    turn_ms_ = now_ms;
    connection_before_ = std::exchange(connection_, connection);
    return turns_ >= kTurns;
  }

 private:
  // Two that are alive take turns at this pace or faster; two lost connections would seem to do so once.
  static constexpr std::int64_t kTurnMs = 30'000;
  static constexpr int kTurns = 3;

  using Position = std::tuple<std::int64_t, std::int64_t>;  // epoch, batch

  static bool says_position(const v1::MetricsRequest& record) {
    return record.has_batch_data() || record.has_epoch_data();
  }
  // What says none is after all others. An epoch's averages come after its batches.
  static Position position_of(const v1::MetricsRequest& record) {
    if (record.has_batch_data()) return {record.batch_data().epoch(), record.batch_data().batch_idx()};
    return {record.has_epoch_data() ? record.epoch_data().epoch() : INT64_MAX, INT64_MAX};
  }

  std::uint64_t incarnation_ = 0;
  bool ended_ = false;
  bool past_initializing_ = false;
  std::int64_t heard_ms_ = 0;
  Position position_{INT64_MIN, 0};
  int connection_ = -1;         // of the last batch
  int connection_before_ = -1;  // the one that it followed
  int turns_ = 0;
  std::int64_t turn_ms_ = 0;
};

}  // namespace trainbus
