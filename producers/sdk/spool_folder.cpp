#include "spool_folder.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <mutex>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

namespace trainbus {
namespace {

constexpr std::size_t kMaxLockBytes = 4096;

// A lock belongs to the open file, which a forked child shares: it would hold a dead trainer's spool for as long as
// the child lives.
struct HeldLocks {
  std::mutex mutex;
  std::set<int> fds;
};
HeldLocks& held_locks() {
  static HeldLocks instance;
  return instance;
}
void close_in_child() {
  for (const int fd : held_locks().fds)
    close(fd);
  held_locks().fds.clear();
  held_locks().mutex.unlock();
}
void keep_locks_from_children() {
  static const int installed =
      pthread_atfork([] { held_locks().mutex.lock(); }, [] { held_locks().mutex.unlock(); }, close_in_child);
  static_cast<void>(installed);
}

std::string stem(const SpoolOwner& owner) {
  return owner.session.run + '~' + owner.session.trainer + '~' + std::to_string(owner.incarnation);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The part of `rest` before the next `mark`, which is taken off.
std::string_view take_part(std::string_view& rest, char mark = '~') {
  const auto at = rest.find(mark);
  const auto part = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return part;
}

std::optional<std::pair<SpoolOwner, std::uint64_t>> parse_segment_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".spool";
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  SpoolOwner owner;
  owner.session.run = take_part(name);
  owner.session.trainer = take_part(name);
  const auto incarnation = number_of(take_part(name));
  const auto number = number_of(name);
  if (!valid_name(owner.session.run) || !valid_name(owner.session.trainer) || !incarnation || !number)
    return std::nullopt;
  owner.incarnation = *incarnation;
  return std::pair(owner, *number);
}

// By whoever does not own the incarnation.
LifeNote note_in(const std::filesystem::path& lock_file) {
  std::string text(kMaxLockBytes, '\0');
  std::ifstream file(lock_file, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return LifeNote::parse(std::string_view(text.data(), static_cast<std::size_t>(file.gcount())));
}

}  // namespace

LifeNote LifeNote::parse(std::string_view text) {
  LifeNote note;
  note.address = take_part(text, '\n');
  note.broker_id = take_part(text, '\n');
  note.start = number_of(take_part(text, '\n')).value_or(0);
  return note;
}

std::string LifeNote::text() const { return address + '\n' + broker_id + '\n' + std::to_string(start); }

std::filesystem::path SpoolOwner::lock_file(const std::filesystem::path& folder) const {
  return folder / (stem(*this) + ".lock");
}

std::filesystem::path SpoolOwner::segment_file(const std::filesystem::path& folder, std::uint64_t number) const {
  return folder / (stem(*this) + '~' + std::to_string(number) + ".spool");
}

std::string SpoolOwner::memory_name(const std::filesystem::path& folder, std::uint64_t number) const {
  return std::filesystem::absolute(segment_file(folder, number)).lexically_normal().string();
}

std::optional<OwnerLock> OwnerLock::acquire(const std::filesystem::path& file) {
  keep_locks_from_children();
  const std::lock_guard lock(held_locks().mutex);
  const int fd = open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), file.string());
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(fd);
    if (error == EWOULDBLOCK) return std::nullopt;
    throw std::system_error(error, std::generic_category(), file.string());
  }
  held_locks().fds.insert(fd);
  return OwnerLock(file, fd);
}

OwnerLock::OwnerLock(std::filesystem::path file, int fd) : file_(std::move(file)), fd_(fd) {}

OwnerLock::OwnerLock(OwnerLock&& other) noexcept : file_(std::move(other.file_)), fd_(std::exchange(other.fd_, -1)) {}

OwnerLock& OwnerLock::operator=(OwnerLock&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(fd_, other.fd_);
  return *this;
}

OwnerLock::~OwnerLock() {
  if (fd_ < 0) return;
  const std::lock_guard lock(held_locks().mutex);
  held_locks().fds.erase(fd_);
  close(fd_);
}

void OwnerLock::write(const LifeNote& note) const {
  const std::string text = note.text();
  if (pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
      ftruncate(fd_, static_cast<off_t>(text.size())) != 0)
    return;
}

LifeNote OwnerLock::read() const {
  std::string text(kMaxLockBytes, '\0');
  const ssize_t count = pread(fd_, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  return LifeNote::parse(text);
}

void OwnerLock::remove() { unlink(file_.c_str()); }

std::uintmax_t spooled_bytes(const std::filesystem::path& folder, const SessionName& session) {
  const std::string begin = session.run + '~' + session.trainer + '~';
  std::uintmax_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    const std::string name = file->path().filename().string();
    if (!name.starts_with(begin) || !(name.ends_with(".spool") || name.ends_with(".spool.damaged"))) continue;
    std::error_code gone;
    const auto size = file->file_size(gone);
    bytes += gone ? 0 : size;
  }
  return bytes;
}

std::uint64_t next_start(const std::filesystem::path& folder, const SessionName& session) {
  std::uint64_t newest = 0;
  for (const auto& files : scan_spool(folder))
    if (files.owner.session == session) newest = std::max(newest, note_in(files.owner.lock_file(folder)).start);
  return newest + 1;
}

std::vector<SpooledFiles> scan_spool(const std::filesystem::path& folder) {
  std::map<std::tuple<std::string, std::uint64_t>, SpooledFiles> owners;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    const auto parsed = parse_segment_name(file->path().filename().string());
    if (!parsed) continue;
    auto& found = owners[{parsed->first.session.id(), parsed->first.incarnation}];
    found.owner = parsed->first;
    found.segments[parsed->second] = file->path();
  }
  using Place = std::tuple<std::string, std::uint64_t, std::uint64_t>;
  std::vector<std::pair<Place, SpooledFiles>> placed;
  for (auto& [key, files] : owners) {
    Place place{std::get<0>(key), note_in(files.owner.lock_file(folder)).start, files.owner.incarnation};
    placed.emplace_back(std::move(place), std::move(files));
  }
  std::ranges::sort(placed, {}, &std::pair<Place, SpooledFiles>::first);
  std::vector<SpooledFiles> sorted;
  for (auto& [place, files] : placed)
    sorted.push_back(std::move(files));
  return sorted;
}

std::unique_ptr<SpoolSegment> open_left(const SpoolOwner& owner, const std::filesystem::path& folder,
                                        std::uint64_t number, const std::filesystem::path& path) {
  if (auto memory = SurvivingMemory::find(owner.memory_name(folder, number)))
    return SpoolSegment::left(std::move(*memory));
  return SpoolSegment::open(path);
}

void add_memory_without_file(SpooledFiles& files, const std::filesystem::path& folder) {
  if (files.segments.empty()) return;
  for (std::uint64_t number = files.segments.rbegin()->first + 1;
       SurvivingMemory::find(files.owner.memory_name(folder, number)); ++number)
    files.segments[number] = files.owner.segment_file(folder, number);
}

}  // namespace trainbus
