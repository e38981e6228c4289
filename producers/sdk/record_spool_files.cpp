// The files of a RecordSpool: written behind the memory, read back, finished.
#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "record_spool.hpp"
#include "spool_file.hpp"
#include "trainbus/own_folder.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kChunkBytes = 64 << 10;
constexpr int kMaxChunks = 4096;  // of one segment in one round: somebody who shortens the file again and again
constexpr std::chrono::seconds kLookAgain{1};

std::string megabytes(std::uintmax_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

}  // namespace

void RecordSpool::run_files() {
  for (;;) {
    bool ending = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return files_due_ || end_ != End::kNo; });
      files_due_ = false;
      ending = end_ != End::kNo;
    }
    if (ending) return finish_files();
    write_files();
  }
}

void RecordSpool::write_files() {
  if (folder_.empty()) return;
  const FileSizeSignalHeld held;
  const std::lock_guard files(files_mutex_);
  delete_released();
  look_after_files();
  write_waiting();
  write_note();
  bring_back_needed();
  give_away_backlog();
}

void RecordSpool::write_waiting() {
  if (!write_all()) return;
  const std::lock_guard lock(mutex_);
  problem_.clear();
}

// False when a file cannot be written; the ones behind it are not tried.
bool RecordSpool::write_all() {
  std::uint64_t number = 0;
  std::uint64_t to = 0;
  {
    const std::lock_guard lock(mutex_);
    number = first_;
    to = last();
  }
  for (; number <= to; ++number) {
    auto written = Written::kMore;
    for (int chunks = 0; written == Written::kMore && chunks < kMaxChunks; ++chunks)
      written = write_some(number);
    if (written == Written::kFailed) return false;
  }
  return true;
}

RecordSpool::Written RecordSpool::write_some(std::uint64_t number) {
  const auto chunk = next_chunk(number);
  if (!chunk) return Written::kAll;
  bool written = true;
  std::string problem;
  try {
    if (chunk->offset == 0)
      create_file(number, chunk->reserve);
    else
      written = write_spool_file(file(number), chunk->offset, chunk_, chunk->reserve);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  const std::lock_guard lock(mutex_);
  if (!problem.empty()) problem_ = problem;
  if (number < first_) {  // stored meanwhile
    to_delete_.push_back(number);
    return problem.empty() ? Written::kAll : Written::kFailed;
  }
  if (!problem.empty()) {
    for (; number <= last(); ++number)  // those behind it are not tried
      at(number).failed = true;
    return Written::kFailed;
  }
  Place& place = at(number);
  place.failed = false;
  if (!written)
    place.written = 0;  // somebody took or shortened the file: all of it again
  else if (place.round == chunk->round)
    place.written = chunk->end;
  return Written::kMore;
}

// What the file does not have yet, copied into chunk_, so that the memory may be written again meanwhile.
std::optional<RecordSpool::Chunk> RecordSpool::next_chunk(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (number < first_) return std::nullopt;
  const Place& place = at(number);
  const SpoolSegment& segment = *place.segment;
  if (!segment.has_memory() || place.written == segment.end()) return std::nullopt;
  const std::size_t end = std::min(segment.end(), place.written + kChunkBytes);
  chunk_.assign(reinterpret_cast<const char*>(segment.data()) + place.written, end - place.written);
  if (end == segment.end()) chunk_.append(SpoolSegment::kTerminator, '\0');
  return Chunk{place.written, end, place.round, segment.bytes()};
}

void RecordSpool::create_file(std::uint64_t number, std::size_t reserve) {
  const auto lock_file = owner_.lock_file(folder_);
  static_cast<void>(make_own_folder(folder_));
  if (lock_ && !std::filesystem::exists(lock_file)) lock_.reset();
  if (!lock_) {
    const auto start = next_start(folder_, owner_.session);
    lock_ = OwnerLock::acquire(lock_file);
    if (!lock_) throw std::runtime_error("held by another process: " + lock_file.string());
    const std::lock_guard lock(mutex_);
    if (note_.start == 0) note_.start = start;
    note_due_ = true;
  }
  const auto used = spooled_bytes(folder_, owner_.session);
  if (used + reserve > limits_.disk_bytes)
    throw std::runtime_error(folder_.string() + " holds " + megabytes(used) + " of " + owner_.session.id() +
                             ", its bound is " + megabytes(limits_.disk_bytes));
  create_spool_file(file(number), chunk_, reserve);
}

// Somebody may have taken or shortened files that nothing is written to any more.
void RecordSpool::look_after_files() {
  if (Clock::now() < next_look_) return;
  next_look_ = Clock::now() + kLookAgain;
  std::vector<std::pair<std::uint64_t, std::size_t>> written;
  {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t number = first_; number <= active_; ++number)
      if (at(number).written != 0) written.emplace_back(number, at(number).segment->bytes());
  }
  for (const auto& [number, reserve] : written) {
    if (is_whole(number, reserve)) continue;
    const std::lock_guard lock(mutex_);
    if (number < first_) continue;
    if (at(number).segment->has_memory())
      at(number).written = 0;
    else
      at(number).lost = true;
  }
}

// In doubt it is: writing to it says more.
bool RecordSpool::is_whole(std::uint64_t number, std::size_t reserve) const {
  try {
    return spool_file_is_whole(file(number), reserve);
  } catch (const std::system_error&) {
    return true;
  }
}

void RecordSpool::write_note() {
  LifeNote note;
  {
    const std::lock_guard lock(mutex_);
    if (!lock_ || !note_due_) return;
    note_due_ = false;
    note = note_;
  }
  lock_->write(note);
}

void RecordSpool::bring_back_needed() {
  std::uint64_t number = 0;
  std::size_t bytes = 0;
  std::size_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    const Place& place = at(reading_);
    if (place.segment->has_memory() || place.lost) return;
    number = reading_;
    bytes = place.segment->bytes();
    end = place.segment->end();
  }
  SurvivingMemory memory;
  std::size_t read = 0;
  std::string problem;
  try {
    memory = read_file(file(number), bytes, read);
  } catch (const std::system_error& error) {
    if (error.code().value() != ENOENT) problem = error.what();
  }
  const std::lock_guard lock(mutex_);
  if (!problem.empty())
    problem_ = problem;  // tried again
  else if (read < end)
    at(number).lost = true;
  else
    at(number).segment->bring_back(std::move(memory));
}

// What the reader has not reached yet, and will not soon, needs no memory.
void RecordSpool::give_away_backlog() {
  std::vector<SurvivingMemory> backlog;
  {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t number = reading_ + 1; number < active_; ++number) {
      Place& place = at(number);
      if (place.segment->has_memory() && place.written == place.segment->end())
        backlog.push_back(place.segment->give_away());
    }
  }
  for (SurvivingMemory& memory : backlog)
    memory.remove();
}

void RecordSpool::delete_released() {
  std::vector<std::uint64_t> stored;
  {
    const std::lock_guard lock(mutex_);
    stored.swap(to_delete_);
  }
  std::error_code ignored;
  for (const std::uint64_t number : stored)
    std::filesystem::remove(file(number), ignored);
}

// The last turn: no other thread changes anything any more.
void RecordSpool::finish_files() {
  Left left;
  if (!folder_.empty()) {
    const FileSizeSignalHeld held;
    const std::lock_guard files(files_mutex_);
    delete_released();
    next_look_ = {};
    look_after_files();
    const bool all_stored = stored_ == accepted_;
    if (!all_stored) write_waiting();
    write_note();
    for (std::uint64_t number = first_; number <= last(); ++number)
      finish_file(number, all_stored, left.gone);
    if (lock_ && all_stored) lock_->remove();
    lock_.reset();
  }
  for (const Kind kind : kKeptKinds) {
    const std::uint64_t waiting = accepted_[kind] - std::min(accepted_[kind], stored_[kind]);
    if (folder_.empty()) left.gone[kind] = waiting;
    left.in_spool[kind] = waiting - std::min(waiting, left.gone[kind]);
  }
  const std::lock_guard lock(mutex_);
  left_ = left;
  end_ = End::kDone;
  changed_.notify_all();
}

// Counts what is not stored and not in its file.
void RecordSpool::finish_file(std::uint64_t number, bool all_stored, Counts& gone) {
  Place& place = at(number);
  std::error_code ignored;
  if (all_stored || place.segment->end() == SpoolSegment::kFirst)
    std::filesystem::remove(file(number), ignored);
  else if (place.lost)
    count_lost(number, gone);
  else if (place.segment->has_memory())
    cut_file(number, gone);
  else
    cut_spool_file(file(number), place.written);
  place.segment->give_away().remove();
}

void RecordSpool::count_lost(std::uint64_t number, Counts& gone) const {
  const Counts all = through(number);
  for (const Kind kind : kKeptKinds)
    gone[kind] += all[kind] - std::min(all[kind], std::max(at(number).before[kind], stored_[kind]));
}

// Behind the last entry that the file has as a whole.
void RecordSpool::cut_file(std::uint64_t number, Counts& gone) {
  const Place& place = at(number);
  std::size_t offset = SpoolSegment::kFirst;
  std::size_t whole = offset;
  while (const auto entry = place.segment->read(offset, place.segment->end())) {
    if (offset <= place.written)
      whole = offset;
    else if (entry->sequence > stored_[entry->kind])
      ++gone[entry->kind];
  }
  if (place.written != 0) cut_spool_file(file(number), whole);
}

}  // namespace trainbus
