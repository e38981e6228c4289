#pragma once
// Memory that outlives a kill of the process that writes it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace trainbus {

// A System V shared memory segment: no file system call of anybody shortens it, and no full disk or absent server makes
// an access fail, as they do to a mapped file. It stays until remove(), or until the machine (or the container whose
// IPC namespace it is in) ends. Where the system gives none it is plain memory, and survives() is false. A forked child
// does not have it. Not thread-safe; owns the mapping, and the segment until remove().
class SurvivingMemory {
 public:
  // Zeros. `name`: what find() asks for after a kill, at most 1 KiB; empty: plain memory is enough. What is left under
  // that name goes. Throws std::system_error when there is no memory.
  static SurvivingMemory create(const std::string& name, std::size_t bytes);
  // What a killed process of this user left under the name, for reading.
  static std::optional<SurvivingMemory> find(const std::string& name);

  SurvivingMemory() = default;
  ~SurvivingMemory();
  SurvivingMemory(SurvivingMemory&& other) noexcept { swap(other); }
  SurvivingMemory& operator=(SurvivingMemory&& other) noexcept {
    swap(other);
    return *this;
  }

  std::uint8_t* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  bool survives() const { return id_ >= 0; }
  explicit operator bool() const { return data_ != nullptr; }
  // Nobody finds it any more; what is mapped stays mapped.
  void remove();

 private:
  void swap(SurvivingMemory& other) noexcept;
  static SurvivingMemory shared(const std::string& name, std::size_t bytes);
  static SurvivingMemory attached(int id, std::size_t bytes, int flags);

  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
  int id_ = -1;
};

}  // namespace trainbus
