#include "spool_delivery.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <system_error>

namespace trainbus {
namespace {

constexpr Outbox::Limits kAtOnce{4096, 8 << 20};
constexpr std::chrono::seconds kPatience{1};

}  // namespace

// The life that is being delivered. Its segments are mapped from the oldest that is not stored to the one being read.
struct SpoolDelivery::Current {
  Current(SpooledFiles found, LifeLock held) : files(std::move(found)), lock(std::move(held)) {
    for (const Kind kind : kKeptKinds)
      topics[kind] = topic_text(kind, files.life.session.run, files.life.session.trainer);
    next = files.segments.begin();
  }

  SpooledFiles files;
  LifeLock lock;
  std::array<std::string, v1::Kind_ARRAYSIZE> topics;
  std::map<std::uint64_t, std::filesystem::path>::iterator next;  // not opened yet
  std::map<std::uint64_t, std::unique_ptr<SpoolSegment>> open;    // the last is being read
  std::size_t offset = SpoolSegment::kFirst;
  bool all_read = false;
  Outbox outbox{kAtOnce, {}};
};

SpoolDelivery::SpoolDelivery(const std::filesystem::path& folder, const std::optional<SessionName>& only)
    : folder_(folder) {
  if (folder.empty()) return;
  for (auto& files : scan_spool(folder))
    if (!only || files.life.session == *only) waiting_.push_back(std::move(files));
}

SpoolDelivery::~SpoolDelivery() = default;

bool SpoolDelivery::open_next() {
  while (current_ == nullptr && !waiting_.empty()) {
    SpooledFiles files = std::move(waiting_.front());
    waiting_.pop_front();
    try {
      auto lock = LifeLock::acquire(files.life.lock_file(folder_));
      if (!lock) continue;
      // Between the scan and the lock somebody else may have delivered it.
      std::erase_if(files.segments, [](const auto& segment) { return !std::filesystem::exists(segment.second); });
      current_ = std::make_unique<Current>(std::move(files), std::move(*lock));
    } catch (const std::system_error&) {
      // Not ours to read; it stays where it is.
    }
  }
  return current_ != nullptr;
}

void SpoolDelivery::fill() {
  Current& life = *current_;
  while (!life.all_read && !life.outbox.full()) {
    if (!life.open.empty()) {
      const auto& [number, segment] = *life.open.rbegin();
      if (const auto entry = segment->read(life.offset, segment->end())) {
        if (!life.topics[entry->kind].empty()) life.outbox.push(entry->kind, entry->sequence, entry->record, number);
        continue;
      }
    }
    life.all_read = life.next == life.files.segments.end();
    if (life.all_read) return;
    life.open[life.next->first] = SpoolSegment::open(life.next->second);
    life.offset = SpoolSegment::kFirst;
    ++life.next;
  }
}

void SpoolDelivery::send(Clock::time_point now, const Outbox::Burst& burst, const Send& send) {
  if (!open_next()) return;
  try {
    fill();
  } catch (const std::system_error&) {
    current_.reset();  // its files cannot be read; they stay
    return;
  }
  const auto to = [&](Kind kind, std::string_view record) { return send(current_->topics[kind], record); };
  if (current_->outbox.resend_due(now, kPatience, burst, to) < burst.records) current_->outbox.send_new(now, burst, to);
  release_stored();
}

void SpoolDelivery::acknowledge(const std::string& session_id, const v1::Acknowledgment& ack, Clock::time_point now) {
  if (current_ == nullptr || ack.incarnation() != current_->files.life.incarnation) return;
  if (session_id != current_->files.life.session.id()) return;
  const std::size_t before = current_->outbox.records();
  for (const v1::KindPosition& position : ack.stored())
    current_->outbox.acknowledge(position.kind(), position.sequence(), now);
  delivered_ += before - current_->outbox.records();
}

void SpoolDelivery::resend_all() {
  if (current_ != nullptr) current_->outbox.resend_all();
}

void SpoolDelivery::release_stored() {
  Current& life = *current_;
  const auto oldest = life.outbox.oldest_segment();
  if (!oldest && life.all_read) {
    for (const auto& [number, segment] : life.open)
      segment->remove();
    life.lock.remove();
    current_.reset();
    return;
  }
  while (life.open.size() > 1 && life.open.begin()->first < oldest.value_or(UINT64_MAX)) {
    life.open.begin()->second->remove();
    life.open.erase(life.open.begin());
  }
}

}  // namespace trainbus
