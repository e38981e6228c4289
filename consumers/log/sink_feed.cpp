#include "sink_feed.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace trainbus {

SinkFeed::SinkFeed(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

void SinkFeed::open(Time now) {
  try {
    take_heads(sink_->open(), now);
  } catch (const std::exception& error) {
    throw std::runtime_error("--sink " + name() + " cannot be written: " + error.what());
  }
}

void SinkFeed::take_heads(StreamHeads heads, Time now) {
  heads_ = std::move(heads);
  last_ = nullptr;
  away_ = unflushed_ = false;
  sync_at_ = now + kSyncEvery;
}

template <typename Action>
bool SinkFeed::attempt(Time now, Action action) {
  try {
    action();
    return true;
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
  if (pause_.count() == 0) spdlog::error("{} failed: {}; trying again, nothing is lost", name(), failure_);
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLastPause);
  retry_at_ = now + pause_;
  away_ = true;
  return false;
}

std::uint64_t& SinkFeed::head_of(const Record& record) {
  const auto& message = record.message;
  if (last_ == nullptr || last_->first.kind != record.topic.kind || last_->first.incarnation != message.incarnation() ||
      last_->first.session_id != message.session_id())
    last_ = &*heads_.try_emplace({message.session_id(), message.incarnation(), record.topic.kind}, 0).first;
  return last_->second;
}

void SinkFeed::offer(const Record& record, Time now) {
  if (away_) return;
  auto& head = head_of(record);
  if (record.message.sequence() <= head) return;
  if (!attempt(now, [&] { sink_->write(record); })) return;
  head = record.message.sequence();
  ++written_;
  if (!unflushed_) flush_at_ = now + kFlushEvery;
  unflushed_ = true;
}

void SinkFeed::flush() {
  if (!unflushed_) return;
  sink_->flush();
  unflushed_ = false;
  if (pause_.count() > 0) spdlog::info("{} works again", name());
  pause_ = {};
}

bool SinkFeed::turn(Time now) {
  if (away_) return now >= retry_at_ && attempt(now, [&] { take_heads(sink_->open(), now); });
  if (now >= sync_at_)
    finish(now);
  else if (now >= flush_at_)
    attempt(now, [&] { flush(); });
  return false;
}

void SinkFeed::finish(Time now) {
  if (away_) return;
  attempt(now, [&] {
    flush();
    sink_->sync(heads_);
  });
  sync_at_ = now + kSyncEvery;
}

}  // namespace trainbus
