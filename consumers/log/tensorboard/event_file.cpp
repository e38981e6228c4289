#include "event_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "trainbus/host_name.hpp"
#include "trainbus/wire.hpp"

namespace trainbus::tensorboard {
namespace {

constexpr int kIncarnationDigits = 20;
constexpr std::string_view kStem = "events.out.tfevents.";

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error('\'' + path + "': " + why);
}
[[noreturn]] void fail_errno(const std::string& path) { fail(path, std::strerror(errno)); }

// A file's bytes while this lives.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (fd < 0 || fstat(fd, &about) != 0) fail_errno(path);
    size_ = static_cast<std::size_t>(about.st_size);
    if (size_ > 0) bytes_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
    if (bytes_ == MAP_FAILED) fail_errno(path);
    if (size_ > 0) madvise(bytes_, size_, MADV_SEQUENTIAL);
  }
  ~Mapping() {
    if (bytes_ != nullptr) munmap(bytes_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::string_view bytes() const { return {static_cast<const char*>(bytes_), size_}; }

 private:
  void* bytes_ = nullptr;
  std::size_t size_ = 0;
};

// "/folder/events.out.tfevents.1763900000.host.42.<incarnation>-<part>", split at the last dash.
std::pair<std::string, int> split_part(const std::string& path) {
  const auto dash = path.rfind('-');
  return {path.substr(0, dash), std::atoi(path.c_str() + dash + 1)};
}

std::string part_path(const std::string& front, int part) {
  char number[16];
  std::snprintf(number, sizeof number, "-%03d", part);
  return front + number;
}

}  // namespace

EventFile::EventFile(const std::string& folder, std::uint64_t incarnation, std::uint64_t start_seconds) {
  char name[400];
  std::snprintf(name, sizeof name, "/events.out.tfevents.%010llu.%s.%d.%020llu",
                static_cast<unsigned long long>(start_seconds), host_name().c_str(), getpid(),
                static_cast<unsigned long long>(incarnation));
  path_ = part_path(folder + name, 0);
}

EventFile::~EventFile() { close(); }

std::optional<std::uint64_t> EventFile::incarnation_of(const std::string& file_name) {
  const auto dot = file_name.rfind('.');
  if (!file_name.starts_with(kStem) || dot == std::string::npos) return std::nullopt;
  const char* digits = file_name.data() + dot + 1;
  std::uint64_t incarnation = 0;
  const auto [end, error] = std::from_chars(digits, file_name.data() + file_name.size(), incarnation);
  if (error != std::errc() || end != digits + kIncarnationDigits || *end != '-') return std::nullopt;
  return incarnation;
}

std::uint64_t EventFile::start_seconds_of(const std::string& file_name) {
  return std::strtoull(file_name.c_str() + kStem.size(), nullptr, 10);
}

void EventFile::recover(const std::string& part, EventMarks& marks,
                        const std::function<void(const std::string&)>& warn) {
  const Mapping file(part);
  FrameReader reader(file.bytes());
  EventHead head;
  auto result = reader.next(head);
  for (; result == FrameReader::Result::kEvent; result = reader.next(head)) {
    if (head.session_start) marks.start = head;
    if (head.section) marks.sections.push_back(*head.section);
    marks.new_tags.insert(marks.new_tags.end(), head.new_tags.begin(), head.new_tags.end());
    if (head.record_kind == 0 || head.record_kind >= marks.sequence.size()) continue;
    marks.sequence[head.record_kind] = std::max(marks.sequence[head.record_kind], head.record_sequence);
    marks.step[head.record_kind] = std::max(marks.step[head.record_kind], head.step);
  }
  has_version_ = reader.offset() > 0;
  size_ = reader.offset();
  if (result == FrameReader::Result::kEnd) {
    if (part == path_ && size_ == 0) begin_next_part();  // none is made empty: it was truncated
    return;
  }
  const auto at = std::to_string(reader.offset());
  if (result == FrameReader::Result::kTorn) {
    if (truncate(part.c_str(), static_cast<off_t>(reader.offset())) != 0) fail_errno(part);
    warn('\'' + part + "': a half-written event at byte " + at + " was cut off");
  } else {
    warn('\'' + part + "': damaged at byte " + at + ", what followed is written to the next file");
  }
  if (part == path_) begin_next_part();
}

void EventFile::begin_next_part() {
  const auto [front, part] = split_part(path_);
  path_ = part_path(front, part + 1);
  has_version_ = false;
  size_ = 0;
}

void EventFile::add_version(double wall_time) {
  Event version;
  version.set_wall_time(wall_time);
  version.set_file_version("brain.Event:2");
  append_event(buffer_, version);
  has_version_ = true;
}

void EventFile::append(const Event& event) {
  if (!has_version_) add_version(event.wall_time());
  append_event(buffer_, event);
}

void EventFile::flush() {
  if (buffer_.empty()) return;
  if (fd_ < 0) fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail_errno(path_);
  check_in_place();
  write_buffer();
}

void EventFile::write_buffer() {
  for (std::string_view rest = buffer_; !rest.empty();) {
    const auto count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_errno(path_);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  size_ += buffer_.size();
  buffer_.clear();
}

void EventFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void EventFile::check_in_place() {
  if (fd_ < 0) return;
  struct stat ours {
  }, there{};
  if (fstat(fd_, &ours) != 0 || ours.st_nlink == 0) fail(path_, "was removed");
  if (stat(path_.c_str(), &there) != 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
    fail(path_, "was moved away or replaced");
  const auto bytes = static_cast<std::uint64_t>(ours.st_size);
  if (bytes == size_) return;
  if (bytes > size_) fail(path_, "somebody else has written into it");
  const auto truncated = path_;
  close();
  begin_next_part();
  buffer_.clear();  // comes again
  add_version(static_cast<double>(unix_ms()) / 1000);
  fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) fail_errno(path_);
  write_buffer();
  fail(truncated, "was truncated; what it has no longer is written again, to the next file");
}

}  // namespace trainbus::tensorboard
