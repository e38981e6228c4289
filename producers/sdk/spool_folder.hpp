#pragma once
// The names of the files in a spool folder, and who may touch them.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spool_segment.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

// One incarnation of a trainer. Its files: `<run>~<trainer>~<incarnation>.lock`, and `…~<number>.spool` for each
// segment, in the order of the numbers.
struct SpoolOwner {
  SessionName session;
  std::uint64_t incarnation = 0;

  std::filesystem::path lock_file(const std::filesystem::path& folder) const;
  std::filesystem::path segment_file(const std::filesystem::path& folder, std::uint64_t number) const;
  // Of the memory behind that file.
  std::string memory_name(const std::filesystem::path& folder, std::uint64_t number) const;
};

// What a lock file says, a line each.
struct LifeNote {
  std::string address;      // of the broker that the records are for
  std::string broker_id;    // empty: not known
  std::uint64_t start = 0;  // of the session's starts that left something here, from 1; 0: not said

  static LifeNote parse(std::string_view text);
  std::string text() const;
};

// Says that an incarnation is owned: by its process while it lives, then by whoever delivers what it left. The kernel
// lets go of it when the process ends, however it ends; a forked child closes its copy. The file says for which broker
// the records are.
class OwnerLock {
 public:
  // Empty when another process, or another producer of this one, has it. Throws std::system_error when the file cannot
  // be made.
  static std::optional<OwnerLock> acquire(const std::filesystem::path& file);
  ~OwnerLock();
  OwnerLock(OwnerLock&& other) noexcept;
  OwnerLock& operator=(OwnerLock&& other) noexcept;

  // What cannot be written is not said.
  void write(const LifeNote& note) const;
  LifeNote read() const;
  // Deletes the file: nothing is left of this incarnation.
  void remove();

 private:
  OwnerLock(std::filesystem::path file, int fd);

  std::filesystem::path file_;
  int fd_ = -1;
};

struct SpooledFiles {
  SpoolOwner owner;
  std::map<std::uint64_t, std::filesystem::path> segments;
};

// What files of a session take, those that were put aside included. 0 when there is no such folder.
std::uintmax_t spooled_bytes(const std::filesystem::path& folder, const SessionName& session);

// The number of a start that begins now: one more than any that left something here.
std::uint64_t next_start(const std::filesystem::path& folder, const SessionName& session);

// Every incarnation that has segments in the folder, by session and in the order of their starts, whatever the clocks
// said; other files are ignored. Empty when there is no such folder.
std::vector<SpooledFiles> scan_spool(const std::filesystem::path& folder);

// What a killed process had in memory for a segment and, where there is none, in its file. Throws std::system_error.
std::unique_ptr<SpoolSegment> open_left(const SpoolOwner& owner, const std::filesystem::path& folder,
                                        std::uint64_t number, const std::filesystem::path& path);
// Segments behind those in the files, which never got one.
void add_memory_without_file(SpooledFiles& files, const std::filesystem::path& folder);

}  // namespace trainbus
