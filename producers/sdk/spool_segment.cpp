#include "spool_segment.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr char kMagic[SpoolSegment::kFirst + 1] = "TBSPOOL1";
constexpr std::size_t kChecked = 8;  // length and checksum come before what is checked
constexpr std::size_t kHeader = kChecked + 1 + 8;
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

class ReadFile {
 public:
  explicit ReadFile(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (fd_ < 0) fail(errno, path.string());
  }
  ~ReadFile() { close(fd_); }
  ReadFile(const ReadFile&) = delete;
  ReadFile& operator=(const ReadFile&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

SurvivingMemory read_file(const std::filesystem::path& path, std::size_t bytes, std::size_t& read) {
  const ReadFile file(path);
  struct stat facts {};
  if (fstat(file.fd(), &facts) != 0) fail(errno, path.string());
  if (!S_ISREG(facts.st_mode)) fail(EINVAL, path.string());
  read = std::min(bytes, static_cast<std::size_t>(facts.st_size));
  if (read == 0) return {};
  auto memory = SurvivingMemory::create({}, read);
  for (std::size_t at = 0; at < read;) {
    const ssize_t count = pread(file.fd(), memory.data() + at, read - at, static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno, path.string());
    if (count == 0) break;  // shortened meanwhile: zeros
    at += static_cast<std::size_t>(count);
  }
  return memory;
}

SpoolSegment::SpoolSegment(SurvivingMemory memory) : memory_(std::move(memory)), bytes_(memory_.bytes()) {
  std::memcpy(memory_.data(), kMagic, kFirst);
}

std::unique_ptr<SpoolSegment> SpoolSegment::open(const std::filesystem::path& path) {
  std::size_t bytes = 0;
  auto memory = read_file(path, kMostBytes, bytes);
  if (bytes <= kFirst) bytes = 0;
  return std::unique_ptr<SpoolSegment>(new SpoolSegment(std::move(memory), bytes, bytes));
}

std::unique_ptr<SpoolSegment> SpoolSegment::left(SurvivingMemory memory) {
  const std::size_t bytes = memory.bytes() > kFirst ? memory.bytes() : 0;
  return std::unique_ptr<SpoolSegment>(new SpoolSegment(std::move(memory), bytes, bytes));
}

std::uint8_t* SpoolSegment::room(std::size_t record_bytes) {
  if (end_ + kHeader + record_bytes + kTerminator > bytes_) return nullptr;
  return memory_.data() + end_ + kHeader;
}

// What an earlier round left behind the new entry is cut off before the entry holds.
void SpoolSegment::commit(Kind kind, std::uint64_t sequence, std::size_t record_bytes) {
  std::uint8_t* entry = memory_.data() + end_;
  put<std::uint32_t>(entry + kHeader + record_bytes, 0);
  put(entry + kChecked, static_cast<std::uint8_t>(kind));
  put(entry + kChecked + 1, sequence);
  put(entry + 4, checksum(entry, record_bytes));
  put(entry, static_cast<std::uint32_t>(record_bytes));
  end_ += kHeader + record_bytes;
}

void SpoolSegment::rewind() {
  end_ = kFirst;
  put<std::uint32_t>(memory_.data() + end_, 0);
}

std::optional<SpoolSegment::Entry> SpoolSegment::read(std::size_t& offset, std::size_t end) const {
  if (offset + kHeader > end) return std::nullopt;
  const std::uint8_t* entry = memory_.data() + offset;
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
  return offset + kTerminator > end_ ? offset >= end_ : get<std::uint32_t>(memory_.data() + offset) == 0;
}

SpoolSegment::Start SpoolSegment::start() const {
  if (end_ < kFirst || get<std::uint64_t>(memory_.data()) == 0) return Start::kNothing;
  return std::memcmp(memory_.data(), kMagic, kFirst) == 0 ? Start::kWhole : Start::kDamaged;
}

std::span<std::uint8_t> SpoolSegment::untouched(std::size_t end) {
  end = std::min(bytes_, (end + kPage - 1) / kPage * kPage);
  if (end <= touched_) return {};
  const std::size_t begin = std::exchange(touched_, end);
  return {memory_.data() + begin, end - begin};
}

// An older kernel refuses: then the writer faults.
void SpoolSegment::touch(std::span<std::uint8_t> untouched) {
  if (!untouched.empty()) madvise(untouched.data(), untouched.size(), MADV_POPULATE_WRITE);
}

}  // namespace trainbus
