#include "broker/file_guard.hpp"

#include <dirent.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

namespace trainbus {
namespace {

constexpr std::size_t kOwnGrowth = 24;            // files that are opened later: the journal's, a backup's
constexpr std::int64_t kAnswerLeavesMs = 40;      // it is in the kernel by then
constexpr std::int64_t kAnswerTravelsMs = 2'000;  // and has arrived by then, where the kernel does not know better
constexpr std::int64_t kCountEveryMs = 1'000;

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

bool arrived(int descriptor) {
  int unsent = 0;
  return ioctl(descriptor, SIOCOUTQ, &unsent) == 0 && unsent == 0;
}

}  // namespace

FileGuard::FileGuard(ConnectionWatch& connections, const Endpoints& endpoints, std::size_t files)
    : connections_(connections),
      gates_{AcceptGate(endpoints.base_port), AcceptGate(endpoints.base_port + 1), AcceptGate(endpoints.base_port + 2)},
      files_(files),
      usable_(usable(files)),
      reserve_(std::min<std::size_t>(usable_, std::clamp<std::size_t>(usable_ / 8, 8, 256))),
      data_share_((usable_ - reserve_) / 3),
      control_share_(usable_ - reserve_ - data_share_) {
  if (room() == 0)
    throw std::runtime_error("this broker may open " + std::to_string(files_) + " files, of which it needs " +
                             std::to_string(files_ - usable_ + reserve_ + 1) +
                             " before there is room for one trainer: raise the limit (ulimit -n)");
}

void FileGuard::look(std::int64_t now_ms) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookEveryMs;
  end_refused(now_ms);
  const auto data_in = connections_.open(Port::kDataIn);
  if (data_in > data_share_) met_ += connections_.cut_newest(Port::kDataIn, data_in - data_share_);
  if (connections_.open() + reserve_ / 2 > usable_)
    met_ += connections_.cut_silent(Port::kControl, connections_.open() + reserve_ / 2 - usable_, now_ms);
  set_gates();
  if (now_ms < next_count_ms_) return;
  next_count_ms_ = now_ms + kCountEveryMs;
  const auto turned_away = this->turned_away();
  met_ += turned_away - std::exchange(turned_away_, turned_away);
  std::erase_if(refused_, [&](const auto& entry) { return now_ms - entry.second >= kRefusedForMs; });
}

std::uint64_t FileGuard::turned_away() const {
  std::uint64_t sum = 0;
  for (const auto& gate : gates_)
    sum += gate.turned_away();
  return sum;
}

void FileGuard::listen_at(const std::array<std::vector<int>, 3>& listeners) {
  met_ += turned_away() - turned_away_;
  for (std::size_t port = 0; port < gates_.size(); ++port)
    gates_[port].move_to(listeners[port]);
  turned_away_ = turned_away();
}

// As many as came since the last look may come to the data port until the next one.
void FileGuard::set_gates() {
  const auto open = connections_.open();
  const auto came = connections_.accepted() - std::exchange(accepted_, connections_.accepted());
  const auto data_in = connections_.open(Port::kDataIn) + came;
  const bool scarce = open + reserve_ / 4 >= usable_;
  gates_[static_cast<std::size_t>(Port::kDataIn)].set(scarce || data_in >= data_share_ ? Gate::kShut : Gate::kOpen);
  gates_[static_cast<std::size_t>(Port::kDataOut)].set(scarce ? Gate::kShut : Gate::kOpen);
  const auto control = scarce ? Gate::kToolsOnly : Gate::kOpen;
  gates_[static_cast<std::size_t>(Port::kControl)].set(open >= usable_ ? Gate::kShut : control);
}

std::string FileGuard::refusal(const std::string& session_id, int descriptor, bool had_place, std::int64_t now_ms) {
  const auto readers = connections_.open(Port::kDataOut);
  const auto beyond = readers > reserve_ / 2 ? readers - reserve_ / 2 : 0;  // consumers that trainers give way to
  const auto places = control_share_ + (had_place ? reserve_ / 4 : 0);
  if (connections_.greeted() + beyond < places) return {};
  ++met_;
  if (refused_.size() < kMaxRefusedNames) refused_[session_id] = now_ms;
  ending_.push_back({now_ms, descriptor, connections_.number_of(descriptor)});
  return "no room: " + files_text() + "; raise its limit (ulimit -n) or end others";
}

void FileGuard::greeted(const std::string& session_id, int descriptor) {
  refused_.erase(session_id);
  connections_.set_greeted(descriptor);
}

std::string FileGuard::data_port_problem() const {
  if (gates_[static_cast<std::size_t>(Port::kDataIn)].is_open()) return {};
  return "the broker has no file for it: " + files_text();
}

std::string FileGuard::files_text() const {
  return "this broker may open " + std::to_string(files_) + " files, enough for " + std::to_string(room()) +
         " trainers";
}

void FileGuard::end_refused(std::int64_t now_ms) {
  std::erase_if(ending_, [&](const Refused& refused) {
    const auto waited_ms = now_ms - refused.since_ms;
    if (connections_.number_of(refused.descriptor) != refused.connection) return true;
    if (waited_ms < kAnswerLeavesMs || (waited_ms < kAnswerTravelsMs && !arrived(refused.descriptor))) return false;
    connections_.cut(refused.descriptor);
    return true;
  });
}

}  // namespace trainbus
