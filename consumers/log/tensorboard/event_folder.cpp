#include "event_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace trainbus::tensorboard {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxOpenFiles = 256;
constexpr std::size_t kMaxUnwrittenBytes = 8 << 20;

// "." and ".." are names of trainers, but not of folders.
std::string folder_name(const std::string& name) { return name == "." ? "%2E" : name == ".." ? "%2E%2E" : name; }
std::string name_of(const fs::path& folder) {
  const auto name = folder.filename().string();
  return name == "%2E" ? "." : name == "%2E%2E" ? ".." : name;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> paths(fs::directory_iterator(folder), fs::directory_iterator{});
  std::sort(paths.begin(), paths.end());
  return paths;
}

void make_folder(const std::string& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (fs::exists(path) && !fs::is_directory(path)) throw std::runtime_error('\'' + path + "': is not a folder");
  if (error) throw std::runtime_error('\'' + path + "': " + error.message());
}

}  // namespace

EventFolder::EventFolder(std::string path, const std::function<void(const std::string&)>& warn)
    : path_(std::move(path)) {
  make_folder(path_);
  take_lock();
  for (const auto& run : sorted_entries(path_)) {
    if (!valid_name(name_of(run)) || !fs::is_directory(run)) continue;
    for (const auto& folder : sorted_entries(run))
      if (valid_name(name_of(folder)) && fs::is_directory(folder))
        recover(trainer({name_of(run), name_of(folder)}), warn);
  }
}

EventFolder::~EventFolder() { close(fd_); }

void EventFolder::take_lock() {
  fd_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  const std::string why = errno == EWOULDBLOCK ? "is being written by another trainbus-log" : std::strerror(errno);
  if (fd_ >= 0) close(fd_);
  throw std::runtime_error('\'' + path_ + "': " + why);
}

void EventFolder::recover(TrainerFiles& trainer, const std::function<void(const std::string&)>& warn) {
  std::vector<std::pair<std::uint64_t, std::vector<std::string>>> parts;  // in the order in which they were heard
  for (const auto& path : sorted_entries(trainer.folder)) {
    const auto name = path.filename().string();
    const auto number = EventFile::incarnation_of(name);
    if (!number) continue;
    trainer.newest_start_seconds = std::max(trainer.newest_start_seconds, EventFile::start_seconds_of(name));
    if (parts.empty() || parts.back().first != *number) parts.emplace_back(*number, std::vector<std::string>());
    parts.back().second.push_back(path.string());
  }
  for (const auto& [number, paths] : parts) {
    auto& files = trainer.incarnations.try_emplace(number, number, paths.back()).first->second;
    for (const auto& part : paths)
      files.file.recover(part, files.marks, warn);
    restore_line(trainer.line, files);
    for (const auto& known : files.marks.new_tags)
      trainer.tags.restore(known);
  }
}

void EventFolder::restore_line(StepLine& line, const IncarnationFiles& files) {
  const auto& marks = files.marks;
  if (!marks.start) return line.hear(files.incarnation);
  line.restore(files.incarnation, marks.start->step_offset, marks.start->step - 1, marks.start->provisional);
  for (const auto& section : marks.sections)
    line.restore(files.incarnation, {.epoch = section.epoch(),
                                     .begin = section.begin(),
                                     .batches = section.batches(),
                                     .first_batch = section.first_batch()});
  std::int64_t last = 0;
  for (const Kind kind : {v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_PERF, v1::KIND_SCALARS, v1::KIND_MEDIA})
    last = std::max(last, marks.step[kind]);
  line.restore_reached(files.incarnation, last, marks.step[v1::KIND_BATCH]);
}

StreamHeads EventFolder::heads() const {
  StreamHeads heads;
  for (const auto& [session, trainer] : trainers_)
    for (const auto& [incarnation, files] : trainer.incarnations)
      for (const Kind kind : kKeptKinds)
        if (files.marks.sequence[kind] > 0) heads[{session, incarnation, kind}] = files.marks.sequence[kind];
  return heads;
}

TrainerFiles& EventFolder::trainer(const SessionName& session) {
  const auto [at, is_new] = trainers_.try_emplace(session.id());
  if (is_new) {
    const auto run = path_ + '/' + folder_name(session.run);
    at->second.folder = run + '/' + folder_name(session.trainer);
    make_folder(run);
    make_folder(at->second.folder);
  }
  return at->second;
}

TrainerFiles* EventFolder::find_trainer(const SessionName& session) {
  const auto found = trainers_.find(session.id());
  return found == trainers_.end() ? nullptr : &found->second;
}

IncarnationFiles& EventFolder::incarnation(TrainerFiles& trainer, std::uint64_t number, std::int64_t order) {
  if (order != 0 && trainer.by_order.emplace(order, number).second && !trainer.incarnations.contains(number)) {
    const auto later = trainer.by_order.upper_bound(order);
    trainer.line.hear(number, later == trainer.by_order.end() ? std::nullopt : std::optional(later->second));
  }
  const auto found = trainer.incarnations.find(number);
  if (found != trainer.incarnations.end()) return found->second;
  trainer.newest_start_seconds = std::max(trainer.newest_start_seconds + 1, (number >> 20) / 1000);
  return trainer.incarnations.try_emplace(number, trainer.folder, number, trainer.newest_start_seconds).first->second;
}

void EventFolder::append(IncarnationFiles& files, const Event& event) {
  auto& file = files.file;
  auto& marks = files.marks;
  const auto bytes = file.unwritten_bytes();
  if (bytes == 0) unwritten_.push_back(&file);
  file.append(event);
  unwritten_bytes_ += file.unwritten_bytes() - bytes;
  if (const auto kind = event.record_kind(); kind != 0) {
    marks.sequence[kind] = event.record_sequence();
    marks.step[kind] = std::max(marks.step[kind], event.step());
  }
  if (unwritten_bytes_ > kMaxUnwrittenBytes) flush();
}

void EventFolder::flush() {
  for (auto* file : unwritten_) {
    const bool was_open = file->is_open();
    file->flush();
    if (was_open) continue;
    if (open_files_ < kMaxOpenFiles)
      ++open_files_;
    else
      file->close();
  }
  unwritten_.clear();
  unwritten_bytes_ = 0;
}

void EventFolder::sync() {
  for (auto& [session, trainer] : trainers_)
    for (auto& [incarnation, files] : trainer.incarnations)
      files.file.check_in_place();
  // One call for all files and folders, of which there may be thousands.
  if (syncfs(fd_) != 0) throw std::runtime_error('\'' + path_ + "': " + std::strerror(errno));
}

}  // namespace trainbus::tensorboard
