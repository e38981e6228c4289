#include "spool_segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kMagic[SpoolSegment::kFirst + 1] = "TBSPOOL1";
constexpr std::size_t kChecked = 8;  // length and checksum come before what is checked
constexpr std::size_t kHeader = kChecked + 1 + 8;
constexpr std::size_t kTerminator = 4;
constexpr std::size_t kPage = 4096;

template <class Value>
void put(std::uint8_t* at, Value value) {
  std::memcpy(at, &value, sizeof value);
}
template <class Value>
Value get(const std::uint8_t* at) {
  Value value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Eight bytes a step, without a table: the caches are the training's. It tells what was written to its end from what
// was not; it is no defence against anybody.
std::uint32_t checksum(const std::uint8_t* entry, std::size_t record_bytes) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  std::uint64_t sum = record_bytes;
  const auto mix = [&](std::uint64_t word) {
    sum = (sum ^ word) * kOdd;
    sum ^= sum >> 32;
  };
  const std::uint8_t* at = entry + kChecked;
  std::size_t left = kHeader - kChecked + record_bytes;
  for (; left >= 8; at += 8, left -= 8)
    mix(get<std::uint64_t>(at));
  std::uint64_t rest = 0;
  std::memcpy(&rest, at, left);
  mix(rest);
  return static_cast<std::uint32_t>(sum);
}

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

class File {
 public:
  File(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (fd_ < 0) fail(errno, path.string());
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

std::unique_ptr<SpoolSegment> SpoolSegment::create(const std::filesystem::path& path, std::size_t bytes) {
  const File file(path, O_CREAT | O_EXCL | O_RDWR);
  std::unique_ptr<SpoolSegment> segment(new SpoolSegment(path, bytes));
  segment->writable_ = true;
  const int error = posix_fallocate(file.fd(), 0, static_cast<off_t>(bytes));
  if (error != 0 || !segment->map()) {
    const int why = error != 0 ? error : errno;
    segment->remove();
    fail(why, path.string());
  }
  std::memcpy(segment->memory_, kMagic, kFirst);
  return segment;
}

std::unique_ptr<SpoolSegment> SpoolSegment::in_memory(std::size_t bytes) {
  std::unique_ptr<SpoolSegment> segment(new SpoolSegment({}, bytes));
  segment->writable_ = true;
  if (!segment->map()) fail(errno, "a segment in memory");
  return segment;
}

std::unique_ptr<SpoolSegment> SpoolSegment::open(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  struct stat facts {};
  if (fstat(file.fd(), &facts) != 0) fail(errno, path.string());
  std::unique_ptr<SpoolSegment> segment(new SpoolSegment(path, static_cast<std::size_t>(facts.st_size)));
  if (segment->bytes_ <= kFirst) {
    segment->bytes_ = 0;
    segment->end_ = 0;
    return segment;
  }
  if (!segment->map()) fail(errno, path.string());
  segment->end_ = segment->bytes_;
  return segment;
}

SpoolSegment::~SpoolSegment() { unmap(); }

std::uint8_t* SpoolSegment::room(std::size_t record_bytes) {
  if (end_ + kHeader + record_bytes + kTerminator > bytes_) return nullptr;
  return memory_ + end_ + kHeader;
}

// What an earlier round left behind the new entry is cut off before the entry holds.
void SpoolSegment::commit(Kind kind, std::uint64_t sequence, std::size_t record_bytes) {
  std::uint8_t* entry = memory_ + end_;
  put<std::uint32_t>(entry + kHeader + record_bytes, 0);
  put(entry + kChecked, static_cast<std::uint8_t>(kind));
  put(entry + kChecked + 1, sequence);
  put(entry + 4, checksum(entry, record_bytes));
  put(entry, static_cast<std::uint32_t>(record_bytes));
  end_ += kHeader + record_bytes;
}

void SpoolSegment::rewind() {
  end_ = kFirst;
  put<std::uint32_t>(memory_ + end_, 0);
}

std::optional<SpoolSegment::Entry> SpoolSegment::read(std::size_t& offset, std::size_t end) const {
  if (offset + kHeader > end) return std::nullopt;
  const std::uint8_t* entry = memory_ + offset;
  const auto length = get<std::uint32_t>(entry);
  if (length == 0 || length > kMaxRecordBytes || length > end - offset - kHeader) return std::nullopt;
  const auto kind = static_cast<Kind>(entry[kChecked]);
  if (!v1::Kind_IsValid(kind) || get<std::uint32_t>(entry + 4) != checksum(entry, length)) return std::nullopt;
  offset += kHeader + length;
  return Entry{kind,
               get<std::uint64_t>(entry + kChecked + 1),
               {reinterpret_cast<const char*>(entry + kHeader), static_cast<std::size_t>(length)}};
}

bool SpoolSegment::ends_at(std::size_t offset) const {
  return offset + kTerminator > end_ ? offset >= end_ : get<std::uint32_t>(memory_ + offset) == 0;
}

SpoolSegment::Start SpoolSegment::start() const {
  if (end_ < kFirst || get<std::uint64_t>(memory_) == 0) return Start::kNothing;
  return std::memcmp(memory_, kMagic, kFirst) == 0 ? Start::kWhole : Start::kDamaged;
}

void SpoolSegment::touch(std::size_t end) {
  end = std::min(bytes_, (end + kPage - 1) / kPage * kPage);
  if (end <= touched_) return;
  madvise(memory_ + touched_, end - touched_, MADV_POPULATE_WRITE);  // an older kernel refuses: the writer faults
  touched_ = end;
}

void SpoolSegment::unmap() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  memory_ = nullptr;
}

bool SpoolSegment::map() {
  if (memory_ != nullptr) return true;
  const int access = writable_ ? PROT_READ | PROT_WRITE : PROT_READ;
  void* memory = MAP_FAILED;
  if (on_disk()) {
    const int fd = ::open(path_.c_str(), (writable_ ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (fd < 0) return false;
    memory = mmap(nullptr, bytes_, access, MAP_SHARED, fd, 0);
    const int error = errno;
    close(fd);
    errno = error;
  } else {
    memory = mmap(nullptr, bytes_, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  }
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<std::uint8_t*>(memory);
  return true;
}

void SpoolSegment::trim() {
  if (on_disk() && truncate(path_.c_str(), static_cast<off_t>(end_)) == 0) unmap();
}

void SpoolSegment::remove() {
  if (on_disk()) unlink(path_.c_str());
}

void SpoolSegment::set_aside() {
  if (on_disk()) rename(path_.c_str(), (path_.string() + ".damaged").c_str());
}

}  // namespace trainbus
