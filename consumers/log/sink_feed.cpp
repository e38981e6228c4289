#include "sink_feed.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace trainbus {

StreamHeads SinkFeed::open(Time now) {
  StreamHeads heads = sink_.open();
  if (position_ != nullptr) heads = position_->load();
  away_ = unflushed_ = false;
  sync_at_ = now + kSyncEvery;
  synced_ = now;
  return heads;
}

template <typename Action>
bool SinkFeed::attempt(Time now, Action action) {
  try {
    action();
    return true;
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
  if (!troubled()) spdlog::error("{} failed: {}; trying again", sink_.plan().label, failure_);
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLastPause);
  retry_at_ = now + pause_;
  away_ = true;
  ++failures_;
  return false;
}

std::optional<StreamHeads> SinkFeed::retry(Time now) {
  if (now < retry_at_) return std::nullopt;
  std::optional<StreamHeads> heads;
  attempt(now, [&] { heads = open(now); });
  return heads;
}

void SinkFeed::offer(const Record& record, Time now) {
  if (away_ || !attempt(now, [&] { sink_.write(record); })) return;
  ++written_;
  if (!unflushed_) flush_at_ = now + kFlushEvery;
  unflushed_ = true;
}

void SinkFeed::flush() {
  if (!unflushed_) return;
  sink_.flush();
  unflushed_ = false;
  works();
}

void SinkFeed::works() {
  if (troubled()) spdlog::info("{} works again", sink_.plan().label);
  pause_ = {};
}

void SinkFeed::turn(Time now, const StreamHeads& heads) {
  if (away_) return;
  if (now >= sync_at_)
    finish(now, heads);
  else if (now >= flush_at_)
    attempt(now, [&] { flush(); });
}

void SinkFeed::finish(Time now, const StreamHeads& heads) {
  if (away_) return;
  attempt(now, [&] {
    flush();
    sink_.sync();
    if (position_ != nullptr) position_->save(heads);
    synced_ = now;
    works();
  });
  sync_at_ = now + kSyncEvery;
}

}  // namespace trainbus
