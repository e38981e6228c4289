#include "surviving_memory.hpp"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace trainbus {
namespace {

constexpr std::size_t kNamePage = 4096;  // behind the data: whose it is
constexpr char kNamePrefix[] = "TBMEMORY1:";
constexpr std::uint32_t kTries = 8;  // keys for a name, because a key may be somebody else's

// FNV-1a: the same in every build of every process.
std::uint32_t hash(std::string_view name) {
  std::uint32_t sum = 2166136261;
  for (const char byte : name)
    sum = (sum ^ static_cast<std::uint8_t>(byte)) * 16777619;
  return sum;
}

key_t key_of(const std::string& name, std::uint32_t attempt) {
  const std::uint32_t key = hash(name) + attempt * 0x9e3779b9;
  return static_cast<key_t>(key == IPC_PRIVATE ? 1 : key);
}

bool is_named(const SurvivingMemory& memory, const std::string& name) {
  const std::string whole = kNamePrefix + name;
  return whole.size() < kNamePage && std::memcmp(memory.data() + memory.bytes(), whole.c_str(), whole.size() + 1) == 0;
}

}  // namespace

SurvivingMemory SurvivingMemory::attached(int id, std::size_t bytes, int flags) {
  SurvivingMemory memory;
  void* const data = shmat(id, nullptr, flags);
  if (data == reinterpret_cast<void*>(-1)) return memory;
  madvise(data, bytes + kNamePage, MADV_DONTFORK);
  memory.data_ = static_cast<std::uint8_t*>(data);
  memory.bytes_ = bytes;
  memory.id_ = id;
  return memory;
}

// Empty when the system gives none: no such call, or all of its segments are in use.
SurvivingMemory SurvivingMemory::shared(const std::string& name, std::size_t bytes) {
  if (auto left = find(name)) left->remove();
  for (std::uint32_t attempt = 0; attempt < kTries; ++attempt) {
    const int id = shmget(key_of(name, attempt), bytes + kNamePage, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0 && errno == EEXIST) continue;
    if (id < 0) break;
    SurvivingMemory memory = attached(id, bytes, 0);
    if (!memory) {
      shmctl(id, IPC_RMID, nullptr);
      break;
    }
    const std::string whole = kNamePrefix + name;
    std::memcpy(memory.data() + bytes, whole.c_str(), std::min(whole.size() + 1, kNamePage));
    return memory;
  }
  return {};
}

SurvivingMemory SurvivingMemory::create(const std::string& name, std::size_t bytes) {
  if (!name.empty())
    if (auto memory = shared(name, bytes)) return memory;
  void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "memory for records");
  SurvivingMemory memory;
  memory.data_ = static_cast<std::uint8_t*>(data);
  memory.bytes_ = bytes;
  return memory;
}

std::optional<SurvivingMemory> SurvivingMemory::find(const std::string& name) {
  for (std::uint32_t attempt = 0; attempt < kTries; ++attempt) {
    const int id = shmget(key_of(name, attempt), 0, 0);
    if (id < 0) continue;
    shmid_ds facts{};
    if (shmctl(id, IPC_STAT, &facts) != 0 || facts.shm_segsz <= kNamePage) continue;
    if (facts.shm_perm.uid != geteuid() || facts.shm_perm.cuid != geteuid()) continue;  // planted by somebody
    SurvivingMemory memory = attached(id, facts.shm_segsz - kNamePage, SHM_RDONLY);
    if (memory && is_named(memory, name)) return memory;
  }
  return std::nullopt;
}

SurvivingMemory::~SurvivingMemory() {
  if (data_ == nullptr) return;
  if (survives())
    shmdt(data_);
  else
    munmap(data_, bytes_);
}

void SurvivingMemory::remove() {
  if (survives()) shmctl(id_, IPC_RMID, nullptr);
}

void SurvivingMemory::swap(SurvivingMemory& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(id_, other.id_);
}

}  // namespace trainbus
