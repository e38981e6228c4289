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

// The incarnation that is being delivered. Its segments are mapped from the oldest that is not stored to the one being
// read.
struct SpoolDelivery::Current {
  Current(SpooledFiles found, OwnerLock held) : files(std::move(found)), lock(std::move(held)) {
    for (const Kind kind : kKeptKinds)
      topics[kind] = topic_text(kind, files.owner.session.run, files.owner.session.trainer);
    next = files.segments.begin();
  }

  struct Waiting {
    SpoolSegment::Entry entry;
    std::uint64_t segment = 0;
  };

  SpooledFiles files;
  OwnerLock lock;
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
    if (!only || files.owner.session == *only) waiting_.push_back(std::move(files));
}

SpoolDelivery::~SpoolDelivery() = default;

bool SpoolDelivery::open_next() {
  while (current_ == nullptr && !waiting_.empty()) {
    SpooledFiles files = std::move(waiting_.front());
    waiting_.pop_front();
    try {
      auto lock = OwnerLock::acquire(files.owner.lock_file(folder_));
      if (!lock) continue;
      // Between the scan and the lock somebody else may have delivered it.
      std::erase_if(files.segments, [](const auto& segment) { return !std::filesystem::exists(segment.second); });
      if (files.segments.empty()) lock->remove();
      if (files.segments.empty() || !belongs_here(files.owner, *lock)) continue;
      add_memory_without_file(files, folder_);
      current_ = std::make_unique<Current>(std::move(files), std::move(*lock));
    } catch (const std::system_error&) {
      // Not ours to read; it stays where it is.
    }
  }
  return current_ != nullptr;
}

bool SpoolDelivery::belongs_here(const SpoolOwner& owner, const OwnerLock& lock) {
  const auto [address, id, start] = lock.read();
  if (broker_.whatever || address.empty()) return true;
  const bool ids_known = !id.empty() && !broker_.id.empty();
  if (ids_known ? id == broker_.id : address == broker_.address) return true;
  refused_.push_back("what " + owner.session.id() + '@' + std::to_string(owner.incarnation) +
                     " left is for the broker " + broker_text(address, id) + ", and not for " +
                     broker_text(broker_.address, broker_.id) + "; it stays in " + folder_.string() +
                     " (trainbus-spool send --any-broker delivers it)");
  return false;
}

void SpoolDelivery::fill() {
  Current& owner = *current_;
  while (!owner.outbox.full() && push_waiting()) {
    if (owner.reader) {
      const std::uint64_t number = owner.open.rbegin()->first;
      if (const auto entry = owner.reader->next()) {
        if (!owner.topics[entry->kind].empty()) owner.waiting = Current::Waiting{*entry, number};
        continue;
      }
      if (owner.reader->damaged()) owner.damaged.insert(number);
      owner.reader.reset();
    }
    if (owner.all_read()) return;
    const auto& [number, path] = *owner.next;
    const auto& segment = owner.open[number] = open_left(owner.files.owner, folder_, number, path);
    owner.reader.emplace(*segment, owner.read);
    ++owner.next;
  }
}

// False when it has to wait: what is behind a gap goes after all before it is stored, so that what is said to be gone
// is.
bool SpoolDelivery::push_waiting() {
  Current& owner = *current_;
  if (!owner.waiting) return true;
  const auto& [entry, segment] = *owner.waiting;
  std::uint64_t& pushed = owner.pushed[entry.kind];
  if (entry.sequence != pushed + 1) {
    if (owner.outbox.front(entry.kind) != 0) return false;
    owner.gone[entry.kind] = entry.sequence - 1;
    owner.say_at = {};
  }
  owner.outbox.push(entry.kind, entry.sequence, entry.record, segment);
  pushed = entry.sequence;
  owner.waiting.reset();
  return true;
}

// Once in any case: the broker shall know that this incarnation has ended.
void SpoolDelivery::greet(Clock::time_point now, const Say& say) {
  Current& owner = *current_;
  if (now < owner.say_at || (owner.greeted && owner.gone == SpoolReader::Heads{})) return;
  v1::MetricsRequest request;
  request.set_session_id(owner.files.owner.session.id());
  request.set_incarnation(owner.files.owner.incarnation);
  v1::Hello& hello = *request.mutable_hello();
  hello.set_wire_version(kWireVersion);
  hello.set_from_spool(true);
  hello.set_delivered_by(delivered_by_);
  for (const Kind kind : kKeptKinds) {
    if (owner.gone[kind] == 0) continue;
    auto& position = *hello.add_stored();
    position.set_kind(kind);
    position.set_sequence(owner.gone[kind]);
  }
  if (!say(request)) return;
  owner.greeted = true;
  owner.say_at = now + kSayAgain;
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
  if (current_ == nullptr || ack.incarnation() != current_->files.owner.incarnation) return;
  if (session_id != current_->files.owner.session.id()) return;
  const std::size_t before = current_->outbox.records();
  for (const v1::KindPosition& position : ack.stored())
    current_->outbox.acknowledge(position.kind(), position.sequence(), now);
  delivered_ += before - current_->outbox.records();
}

void SpoolDelivery::resend_all() {
  if (current_ == nullptr) return;
  Current& owner = *current_;
  owner.outbox.resend_all();
  owner.greeted = false;
  for (const Kind kind : kKeptKinds)
    if (const auto front = owner.outbox.front(kind); front != 0) owner.gone[kind] = front - 1;
  owner.say_at = {};
}

void SpoolDelivery::release_stored() {
  Current& owner = *current_;
  const auto oldest = owner.outbox.oldest_segment();
  const bool all_stored = !oldest && owner.all_read();
  const std::uint64_t needed = all_stored ? UINT64_MAX : oldest.value_or(owner.open.rbegin()->first);
  while (!owner.open.empty() && owner.open.begin()->first < needed) {
    const auto& [number, segment] = *owner.open.begin();
    const auto& path = owner.files.segments.at(number);
    if (owner.damaged.contains(number)) {
      set_aside_spool_file(path);
      ++damaged_;
    } else {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
    segment->give_away().remove();
    owner.open.erase(owner.open.begin());
  }
  if (!all_stored) return;
  owner.lock.remove();
  current_.reset();
}

}  // namespace trainbus
