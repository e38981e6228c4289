#include "spool_delivery.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <system_error>

#include "spool_file.hpp"

namespace trainbus {
namespace {

constexpr Outbox::Limits kAtOnce{4096, 8 << 20};
constexpr std::chrono::seconds kSayAgain{1};  // it may not have arrived

std::string broker_text(const std::string& address, const std::string& id) {
  return id.empty() ? address : address + " (" + id + ")";
}

}  // namespace

// The life that is being delivered. Its segments are mapped from the oldest that is not stored to the one being read.
struct SpoolDelivery::Current {
  Current(SpooledFiles found, LifeLock held) : files(std::move(found)), lock(std::move(held)) {
    for (const Kind kind : kKeptKinds)
      topics[kind] = topic_text(kind, files.life.session.run, files.life.session.trainer);
    next = files.segments.begin();
  }

  struct Waiting {
    SpoolSegment::Entry entry;
    std::uint64_t segment = 0;
  };

  SpooledFiles files;
  LifeLock lock;
  std::array<std::string, v1::Kind_ARRAYSIZE> topics;
  std::map<std::uint64_t, std::filesystem::path>::iterator next;  // not opened yet
  std::map<std::uint64_t, std::unique_ptr<SpoolSegment>> open;    // the last is being read
  std::set<std::uint64_t> damaged;                                // of the open ones
  std::optional<SpoolReader> reader;
  SpoolReader::Heads read{};
  SpoolReader::Heads pushed{};     // highest sequence given to the outbox
  std::optional<Waiting> waiting;  // read, and not given to the outbox yet
  Outbox outbox{kAtOnce, {}};
  SpoolReader::Heads gone{};  // nobody has anything up to here but, perhaps, the journal
  bool greeted = false;
  Clock::time_point say_at{};

  bool all_read() const { return !reader && !waiting && next == files.segments.end(); }
};

SpoolDelivery::SpoolDelivery(const std::filesystem::path& folder, const std::optional<SessionName>& only, Broker broker,
                             std::uint64_t delivered_by)
    : folder_(folder), broker_(std::move(broker)), delivered_by_(delivered_by) {
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
      if (files.segments.empty()) lock->remove();
      if (files.segments.empty() || !belongs_here(files.life, *lock)) continue;
      add_memory_without_file(files, folder_);
      current_ = std::make_unique<Current>(std::move(files), std::move(*lock));
    } catch (const std::system_error&) {
      // Not ours to read; it stays where it is.
    }
  }
  return current_ != nullptr;
}

bool SpoolDelivery::belongs_here(const TrainerLife& life, const LifeLock& lock) {
  const auto [address, id, start] = lock.read();
  if (broker_.whatever || address.empty()) return true;
  const bool ids_known = !id.empty() && !broker_.id.empty();
  if (ids_known ? id == broker_.id : address == broker_.address) return true;
  refused_.push_back("what " + life.session.id() + '@' + std::to_string(life.incarnation) + " left is for the broker " +
                     broker_text(address, id) + ", and not for " + broker_text(broker_.address, broker_.id) +
                     "; it stays in " + folder_.string() + " (trainbus-spool send --any-broker delivers it)");
  return false;
}

void SpoolDelivery::fill() {
  Current& life = *current_;
  while (!life.outbox.full() && push_waiting()) {
    if (life.reader) {
      const std::uint64_t number = life.open.rbegin()->first;
      if (const auto entry = life.reader->next()) {
        if (!life.topics[entry->kind].empty()) life.waiting = Current::Waiting{*entry, number};
        continue;
      }
      if (life.reader->damaged()) life.damaged.insert(number);
      life.reader.reset();
    }
    if (life.all_read()) return;
    const auto& [number, path] = *life.next;
    const auto& segment = life.open[number] = open_left(life.files.life, folder_, number, path);
    life.reader.emplace(*segment, life.read);
    ++life.next;
  }
}

// False when it has to wait: what is behind a hole goes after all before it is stored, so that what is said to be gone
// is.
bool SpoolDelivery::push_waiting() {
  Current& life = *current_;
  if (!life.waiting) return true;
  const auto& [entry, segment] = *life.waiting;
  std::uint64_t& pushed = life.pushed[entry.kind];
  if (entry.sequence != pushed + 1) {
    if (life.outbox.front(entry.kind) != 0) return false;
    life.gone[entry.kind] = entry.sequence - 1;
    life.say_at = {};
  }
  life.outbox.push(entry.kind, entry.sequence, entry.record, segment);
  pushed = entry.sequence;
  life.waiting.reset();
  return true;
}

// Once in any case: the broker shall know that this incarnation has ended.
void SpoolDelivery::greet(Clock::time_point now, const Say& say) {
  Current& life = *current_;
  if (now < life.say_at || (life.greeted && life.gone == SpoolReader::Heads{})) return;
  v1::MetricsRequest request;
  request.set_session_id(life.files.life.session.id());
  request.set_incarnation(life.files.life.incarnation);
  v1::Hello& hello = *request.mutable_hello();
  hello.set_wire_version(kWireVersion);
  hello.set_from_spool(true);
  hello.set_delivered_by(delivered_by_);
  for (const Kind kind : kKeptKinds) {
    if (life.gone[kind] == 0) continue;
    auto& position = *hello.add_stored();
    position.set_kind(kind);
    position.set_sequence(life.gone[kind]);
  }
  if (!say(request)) return;
  life.greeted = true;
  life.say_at = now + kSayAgain;
}

void SpoolDelivery::send(Clock::time_point now, const Outbox::Burst& burst, const Send& send, const Say& say) {
  if (!open_next()) return;
  try {
    fill();
  } catch (const std::system_error&) {
    current_.reset();  // its files cannot be read; they stay
    return;
  }
  greet(now, say);
  if (!current_->greeted) return;
  const auto to = [&](Kind kind, std::string_view record) { return send(current_->topics[kind], record); };
  if (current_->outbox.resend_due(now, Outbox::kPatience, burst, to) < burst.records)
    current_->outbox.send_new(now, burst, to);
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
  if (current_ == nullptr) return;
  Current& life = *current_;
  life.outbox.resend_all();
  life.greeted = false;
  for (const Kind kind : kKeptKinds)
    if (const auto front = life.outbox.front(kind); front != 0) life.gone[kind] = front - 1;
  life.say_at = {};
}

void SpoolDelivery::release_stored() {
  Current& life = *current_;
  const auto oldest = life.outbox.oldest_segment();
  const bool all_stored = !oldest && life.all_read();
  const std::uint64_t needed = all_stored ? UINT64_MAX : oldest.value_or(life.open.rbegin()->first);
  while (!life.open.empty() && life.open.begin()->first < needed) {
    const auto& [number, segment] = *life.open.begin();
    const auto& path = life.files.segments.at(number);
    if (life.damaged.contains(number)) {
      set_aside_spool_file(path);
      ++damaged_;
    } else {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
    segment->give_away().remove();
    life.open.erase(life.open.begin());
  }
  if (!all_stored) return;
  life.lock.remove();
  current_.reset();
}

}  // namespace trainbus
