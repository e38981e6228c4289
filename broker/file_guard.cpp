#include "broker/file_guard.hpp"

#include <dirent.h>

#include <algorithm>
#include <memory>

namespace trainbus {
namespace {

constexpr std::size_t kOwnGrowth = 24;          // files that are opened later: the journal's, a backup's
constexpr std::int64_t kAnswerTravelsMs = 200;  // before the connection it goes through is ended
constexpr std::int64_t kForgetEveryMs = 1'000;

std::size_t open_files() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return 0;
  std::size_t count = 0;
  while (readdir(folder.get()) != nullptr)
    ++count;
  return count - std::min<std::size_t>(count, 3);  // ".", "..", and the folder itself
}

std::size_t usable(std::size_t files) {
  const std::size_t own = open_files() + kOwnGrowth;
  return files > own ? files - own : 0;
}

}  // namespace

FileGuard::FileGuard(ConnectionWatch& connections, std::size_t files)
    : connections_(connections),
      files_(files),
      usable_(usable(files)),
      reserve_(std::clamp<std::size_t>(control_share() / 8, 4, 64)) {}

void FileGuard::look(std::int64_t now_ms) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookEveryMs;
  cut_refused(now_ms);
  const auto data = connections_.open(Port::kDataIn) + connections_.open(Port::kDataOut);
  if (data > data_share()) met_ += connections_.cut_newest_of_data(data - data_share());
  const auto control = connections_.open(Port::kControl);
  if (control > control_share()) met_ += connections_.cut_silent(Port::kControl, control - control_share(), now_ms);
  if (now_ms < next_forget_ms_) return;
  next_forget_ms_ = now_ms + kForgetEveryMs;
  std::erase_if(refused_, [&](const auto& entry) { return now_ms - entry.second >= kRefusedForMs; });
}

std::string FileGuard::refusal(const std::string& session_id, int descriptor, std::int64_t now_ms) {
  if (connections_.open(Port::kControl) + reserve_ <= control_share()) return {};
  ++met_;
  if (refused_.size() < kMaxRefusedNames) refused_[session_id] = now_ms;
  to_cut_.emplace_back(now_ms + kAnswerTravelsMs, descriptor);
  return "no room: this broker may open " + std::to_string(files_) + " files, enough for about " +
         std::to_string(room()) + " trainers; raise its limit (ulimit -n) or end others";
}

void FileGuard::cut_refused(std::int64_t now_ms) {
  std::erase_if(to_cut_, [&](const auto& entry) {
    if (entry.first > now_ms) return false;
    connections_.cut(entry.second);
    return true;
  });
}

}  // namespace trainbus
