#include "record_spool.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>
namespace trainbus {
namespace {

constexpr std::size_t kTouchedAhead = 256 << 10;
constexpr std::uint64_t kMaxReady = 8;
constexpr std::size_t kStillEmpty = 8;  // a segment is made ahead once more than 1/8 of the last is used

}  // namespace

RecordSpool::RecordSpool(TrainerLife life, std::filesystem::path folder, Limits limits)
    : life_(std::move(life)),
      folder_(std::move(folder)),
      limits_(limits),
      writer_(life_.session.id(), life_.incarnation) {
  auto first = make_segment(first_, {}, problem_);
  if (first == nullptr) throw std::runtime_error("no memory for records: " + problem_);
  first->touch(kTouchedAhead);
  segments_.push_back(std::move(first));
}

RecordSpool::~RecordSpool() {
  if (!ended_) end(accepted_ == decltype(accepted_){});
}

bool RecordSpool::push(const LoggedRecord& record) {
  Pushed pushed = try_push(record);
  if (pushed == Pushed::kNoRoom && make_ahead(1)) pushed = try_push(record);
  if (pushed == Pushed::kYes) return true;
  const std::lock_guard lock(mutex_);
  ++refused_;
  return false;
}

RecordSpool::Pushed RecordSpool::try_push(const LoggedRecord& record) {
  const Kind kind = kind_of(record);
  const std::lock_guard lock(mutex_);
  if (closed_) return Pushed::kClosed;
  const std::uint64_t sequence = accepted_[kind] + 1;
  const std::size_t size = writer_.prepare(record, sequence);
  std::uint8_t* to = at(active_).room(size);
  if (to == nullptr) {
    if (active_ == last()) return Pushed::kNoRoom;
    to = at(++active_).room(size);
    if (to == nullptr) return Pushed::kNoRoom;
  }
  writer_.write(to);
  at(active_).commit(kind, sequence, size);
  accepted_[kind] = sequence;
  if (!folder_.empty() && !at(active_).on_disk()) ++unsafe_;
  return Pushed::kYes;
}

void RecordSpool::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

std::array<std::uint64_t, v1::Kind_ARRAYSIZE> RecordSpool::accepted() const {
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
    SpoolSegment* segment = nullptr;
    std::size_t end = 0;
    bool full = false;
    {
      const std::lock_guard lock(mutex_);
      segment = &at(reading_);
      end = segment->end();
      full = reading_ < active_;
    }
    if (!segment->map()) return false;  // no memory now: next turn
    while (records.size() < enough) {
      const auto entry = segment->read(offset_, end);
      if (!entry) break;
      records.push_back({entry->kind, entry->sequence, entry->record, reading_});
    }
    if (records.size() == enough) return true;
    if (!full) return false;
    ++reading_;
    offset_ = SpoolSegment::kFirst;
  }
  return true;
}

void RecordSpool::release(std::optional<std::uint64_t> oldest) {
  std::vector<std::unique_ptr<SpoolSegment>> stored;
  {
    const std::lock_guard lock(mutex_);
    for (const std::uint64_t needed = std::min(oldest.value_or(reading_), reading_); first_ < needed; ++first_) {
      stored.push_back(std::move(segments_.front()));
      segments_.pop_front();
    }
    if (!oldest && reading_ == active_ && offset_ > SpoolSegment::kFirst && offset_ == at(active_).end()) {
      at(active_).rewind();
      offset_ = SpoolSegment::kFirst;
    }
  }
  for (const auto& segment : stored)
    segment->remove();
}

void RecordSpool::prepare() {
  std::uint64_t wanted = 0;
  SpoolSegment* segment = nullptr;
  std::size_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    segment = &at(active_);
    end = segment->end();
    if (active_ != last_active_)
      wanted = std::min(1 + 2 * (active_ - last_active_), kMaxReady);
    else if (end > segment->bytes() / kStillEmpty)
      wanted = 1;
    last_active_ = active_;
  }
  if (segment->on_disk()) segment->touch(end + kTouchedAhead);
  if (wanted > 0) make_ahead(wanted);
  unmap_backlog();
}

// What the reader has not reached yet, and will not soon, needs no memory.
void RecordSpool::unmap_backlog() {
  std::vector<SpoolSegment*> backlog;
  {
    const std::lock_guard lock(mutex_);
    unmapped_ = std::max(unmapped_, reading_);
    for (; unmapped_ + 1 < active_; ++unmapped_)
      if (at(unmapped_ + 1).on_disk()) backlog.push_back(&at(unmapped_ + 1));
  }
  for (SpoolSegment* segment : backlog)
    segment->unmap();
}

// False when there is no room for another segment.
bool RecordSpool::make_ahead(std::uint64_t count) {
  const std::lock_guard making(making_);
  for (;;) {
    std::uint64_t number = 0;
    Used now;
    {
      const std::lock_guard lock(mutex_);
      if (last() - active_ >= count) return true;
      number = last() + 1;
      now = used();
    }
    std::string problem;
    auto made = make_segment(number, now, problem);
    if (made != nullptr && made->on_disk()) made->touch(kTouchedAhead);
    const std::lock_guard lock(mutex_);
    problem_ = problem;
    if (made == nullptr) return false;
    segments_.push_back(std::move(made));
  }
}

// A folder that cannot be used is tried again for every segment; one that is used up to the bound is no problem, but
// full. Null past the bounds.
std::unique_ptr<SpoolSegment> RecordSpool::make_segment(std::uint64_t number, const Used& used, std::string& problem) {
  try {
    if (!folder_.empty()) {
      if (used.disk_bytes + limits_.segment_bytes > limits_.disk_bytes) return nullptr;
      std::filesystem::create_directories(folder_);
      if (!lock_) lock_ = LifeLock::acquire(life_.lock_file(folder_));
      if (lock_) return SpoolSegment::create(life_.segment_file(folder_, number), limits_.segment_bytes);
      problem = "held by another process: " + life_.lock_file(folder_).string();
    }
  } catch (const std::system_error& error) {
    problem = error.what();
  }
  try {
    if (used.memory_bytes + limits_.segment_bytes > limits_.memory_bytes) return nullptr;
    return SpoolSegment::in_memory(limits_.segment_bytes);
  } catch (const std::system_error& error) {
    problem = error.what();
    return nullptr;
  }
}

RecordSpool::Used RecordSpool::used() const {
  Used used;
  for (const auto& segment : segments_)
    (segment->on_disk() ? used.disk_bytes : used.memory_bytes) += segment->bytes();
  return used;
}

void RecordSpool::end(bool all_stored) {
  ended_ = true;
  for (std::uint64_t number = first_; number <= last(); ++number) {
    SpoolSegment& segment = at(number);
    if (all_stored || segment.end() == SpoolSegment::kFirst)
      segment.remove();
    else
      segment.trim();
  }
  if (lock_ && all_stored) lock_->remove();
  lock_.reset();
}

}  // namespace trainbus
