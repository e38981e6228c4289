#include "record_spool.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <system_error>

namespace trainbus {
namespace {

constexpr std::size_t kTouchedAhead = 256 << 10;
constexpr std::uint64_t kMaxReady = 8;
constexpr std::size_t kStillEmpty = 8;  // a segment is made ahead once more than 1/8 of the last is used
// A kill loses none of what is not in a file yet; a machine that fails does.
constexpr std::chrono::milliseconds kFilesEvery{50};
constexpr std::chrono::milliseconds kFilesAgain{1000};

}  // namespace

RecordSpool::RecordSpool(SpoolOwner owner, std::filesystem::path folder, std::string broker, Limits limits)
    : owner_(std::move(owner)),
      folder_(std::move(folder)),
      limits_(limits),
      writer_(owner_.session.id(), owner_.incarnation),
      note_{.address = std::move(broker), .broker_id = {}} {
  if (limits_.segment_bytes == 0) return;
  if (!make_ahead(0)) throw std::runtime_error("no memory for records: " + problem_);
  write_files();
}

RecordSpool::~RecordSpool() {
  if (end_ == End::kNo) finish_files();
}

bool RecordSpool::push(const LoggedRecord& record) {
  Pushed pushed = try_push(record);
  if (pushed == Pushed::kNoRoom && !limits_.own_thread) write_files();
  if (pushed == Pushed::kNoRoom && make_ahead(1)) pushed = try_push(record);
  if (pushed == Pushed::kYes) return true;
  const std::lock_guard lock(mutex_);
  if (limits_.counts_refused) ++refused_;
  return false;
}

RecordSpool::Pushed RecordSpool::try_push(const LoggedRecord& record) {
  const Kind kind = kind_of(record);
  const std::lock_guard lock(mutex_);
  if (closed_) return Pushed::kClosed;
  const std::uint64_t sequence = accepted_[kind] + 1;
  const std::size_t size = writer_.prepare(record, sequence);
  std::uint8_t* to = at(active_).segment->room(size);
  if (to == nullptr) {
    if (active_ == last()) return Pushed::kNoRoom;
    at(++active_).before = accepted_;
    to = at(active_).segment->room(size);
    if (to == nullptr) return Pushed::kNoRoom;
  }
  writer_.write(to);
  at(active_).segment->commit(kind, sequence, size);
  accepted_[kind] = sequence;
  if (at(active_).failed) ++unsafe_;
  return Pushed::kYes;
}

void RecordSpool::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

RecordSpool::Counts RecordSpool::accepted() const {
  const std::lock_guard lock(mutex_);
  return accepted_;
}

std::uint64_t RecordSpool::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

std::uint64_t RecordSpool::unsafe() const {
  const std::lock_guard lock(mutex_);
  return unsafe_;
}

std::string RecordSpool::problem() const {
  const std::lock_guard lock(mutex_);
  if (problem_.empty() && !survives_)
    return "no shared memory: a kill loses the records of the last " + std::to_string(kFilesEvery.count()) + " ms";
  return problem_;
}

RecordWriter::LeftOut RecordSpool::refused_values() const {
  const std::lock_guard lock(mutex_);
  return writer_.refused_values();
}

RecordWriter::LeftOut RecordSpool::cut_records() const {
  const std::lock_guard lock(mutex_);
  return writer_.cut_records();
}

bool RecordSpool::take(std::vector<Record>& records, std::size_t count) {
  const std::size_t enough = records.size() + count;
  while (records.size() < enough) {
    std::size_t end = 0;
    bool full = false;
    SpoolSegment* segment = nullptr;
    {
      const std::lock_guard lock(mutex_);
      const Place& place = at(reading_);
      segment = place.segment.get();
      end = segment->end();
      full = reading_ < active_;
      if (!segment->has_memory() && !place.lost) return false;  // the files' thread brings it back
      if (place.lost) {
        report_gone(reading_++, records);
        offset_ = SpoolSegment::kFirst;
        continue;
      }
    }
    while (records.size() < enough) {
      const auto entry = segment->read(offset_, end);
      if (!entry) break;
      records.push_back({entry->kind, entry->sequence, entry->record, reading_});
    }
    if (records.size() == enough) return true;
    if (!full) return false;
    const std::lock_guard lock(mutex_);
    if (offset_ != end) report_gone(reading_, records);
    ++reading_;
    offset_ = SpoolSegment::kFirst;
  }
  return true;
}

// Its file is damaged, and nothing else has the records.
void RecordSpool::report_gone(std::uint64_t number, std::vector<Record>& records) {
  const Counts all = through(number);
  for (const Kind kind : kKeptKinds)
    if (all[kind] > at(number).before[kind]) records.push_back({kind, all[kind], {}, number});
}

RecordSpool::Counts RecordSpool::through(std::uint64_t number) const {
  return number < active_ ? at(number + 1).before : accepted_;
}

void RecordSpool::release(std::optional<std::uint64_t> oldest) {
  std::vector<Place> stored;
  const std::lock_guard lock(mutex_);
  for (const std::uint64_t needed = std::min(oldest.value_or(reading_), reading_); first_ < needed; ++first_) {
    to_delete_.push_back(first_);
    stored.push_back(std::move(places_.front()));
    places_.pop_front();
  }
  for (Place& place : stored)
    place.segment->give_away().remove();
  Place& active = at(active_);
  if (!oldest && reading_ == active_ && offset_ > SpoolSegment::kFirst && offset_ == active.segment->end()) {
    active.segment->rewind();
    active.before = accepted_;
    active.written = std::min(active.written, SpoolSegment::kFirst);
    ++active.round;
    offset_ = SpoolSegment::kFirst;
  }
}

void RecordSpool::prepare() {
  std::uint64_t wanted = 0;
  const auto now = Clock::now();
  bool write_now = false;
  std::span<std::uint8_t> untouched;
  {
    const std::lock_guard lock(mutex_);
    Place& active = at(active_);
    const std::size_t end = active.segment->end();
    if (active_ != last_active_)
      wanted = std::min(1 + 2 * (active_ - last_active_), kMaxReady);
    else if (end > active.segment->bytes() / kStillEmpty)
      wanted = 1;
    last_active_ = active_;
    untouched = active.segment->untouched(end + kTouchedAhead);
    const bool waits = end != SpoolSegment::kFirst || active_ != first_ || !to_delete_.empty() || note_due_;
    if (!folder_.empty() && waits && now >= next_files_) {
      next_files_ = now + (problem_.empty() ? kFilesEvery : kFilesAgain);
      files_due_ = limits_.own_thread;
      write_now = !limits_.own_thread;
      changed_.notify_all();
    }
    if (!at(reading_).segment->has_memory() && !at(reading_).lost) {
      files_due_ = limits_.own_thread;
      write_now = !limits_.own_thread;
      changed_.notify_all();
    }
  }
  SpoolSegment::touch(untouched);
  if (wanted > 0) make_ahead(wanted);
  if (write_now) write_files();
}

// False when there is no memory for another segment.
bool RecordSpool::make_ahead(std::uint64_t count) {
  for (;;) {
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (!places_.empty() && last() - active_ >= count) return true;
      if (memory_used() + limits_.segment_bytes > limits_.memory_bytes && !places_.empty()) return false;
      number = first_ + places_.size();
    }
    std::unique_ptr<SpoolSegment> made;
    std::string problem;
    try {
      made = std::make_unique<SpoolSegment>(
          SurvivingMemory::create(folder_.empty() ? "" : owner_.memory_name(folder_, number), limits_.segment_bytes));
      SpoolSegment::touch(made->untouched(kTouchedAhead));
    } catch (const std::system_error& error) {
      problem = error.what();
    }
    const std::lock_guard lock(mutex_);
    if (made == nullptr) problem_ = problem;
    if (made == nullptr) return false;
    if (number != first_ + places_.size()) continue;  // another thread was faster
    if (!folder_.empty()) survives_ = made->survives();
    const bool failed = !places_.empty() && places_.back().failed;
    places_.push_back({.segment = std::move(made), .failed = failed});
  }
}

// Of what the reader has not taken; what it has is the outbox's, which has a bound of its own.
std::size_t RecordSpool::memory_used() const {
  std::size_t used = 0;
  for (std::uint64_t number = reading_; number <= last(); ++number)
    if (at(number).segment->has_memory()) used += at(number).segment->bytes();
  return used;
}

void RecordSpool::set_broker_id(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (id.empty() || note_.broker_id == id) return;
  note_.broker_id = id;
  note_due_ = true;
}

RecordSpool::Left RecordSpool::end(const Counts& stored, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  end_ = End::kAsked;
  stored_ = stored;
  changed_.notify_all();
  if (!limits_.own_thread) {
    lock.unlock();
    finish_files();
    lock.lock();
  }
  if (changed_.wait_for(lock, patience, [this] { return end_ == End::kDone; })) return left_;
  // The memory stays too, so what is not in the files yet is not lost.
  problem_ = folder_.string() + " does not answer";
  Left left;
  for (const Kind kind : kKeptKinds)
    left.in_spool[kind] = accepted_[kind] - std::min(stored[kind], accepted_[kind]);
  return left;
}

bool RecordSpool::ended() const {
  const std::lock_guard lock(mutex_);
  return end_ == End::kDone;
}

}  // namespace trainbus
