#include "sink_feed.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "trainbus/sink.hpp"

namespace trainbus {

StreamHeads SinkFeed::open_both(Time now) {
  StreamHeads heads = sink_.open();
  if (position_ != nullptr) heads = position_->load();
  away_ = unflushed_ = false;
  sync_at_ = now + kSyncEvery;
  synced_ = now;
  return heads;
}

std::optional<StreamHeads> SinkFeed::open(Time now) {
  try {
    return open_both(now);
  } catch (const std::exception& error) {
    leave(error.what(), now);
  }
  return std::nullopt;
}

template <typename Action>
bool SinkFeed::attempt(Time now, Action action) {
  try {
    action();
    return true;
  } catch (const SinkOver& end) {
    spdlog::warn("{} has ended: {}", sink_.plan().label, end.what());
    failure_ = end.what();
    away_ = over_ = true;
  } catch (const std::exception& error) {
    fail(error.what(), now);
  }
  return false;
}

void SinkFeed::fail(const std::string& why, Time now) {
  if (!troubled()) spdlog::error("{} failed: {}; trying again", sink_.plan().label, why);
  leave(why, now);
}

void SinkFeed::leave(const std::string& why, Time now) {
  failure_ = why;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLastPause);
  retry_at_ = now + pause_;
  away_ = true;
  ++failures_;
}

std::optional<StreamHeads> SinkFeed::retry(Time now) {
  if (over_ || now < retry_at_) return std::nullopt;
  std::optional<StreamHeads> heads;
  attempt(now, [&] { heads = open_both(now); });
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
    ++syncs_;
    works();
  });
  sync_at_ = now + kSyncEvery;
}

}  // namespace trainbus
