#pragma once
// The position of a sink that does not know it itself (TRAINBUS_SINK_HOST_KEEPS): a file of the host's.

#include <string>

#include "sink_plan.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

// Single-threaded. Owns FOLDER/LABEL-HASH.heads and, from the first load() on, a lock that keeps other processes away.
// HASH is SinkPlan::hash(): the same label for another place begins anew. Throws std::runtime_error with one line that
// names the path.
class PositionFile {
 public:
  // Touches nothing on the disk.
  PositionFile(const std::string& folder, const SinkPlan& plan);
  ~PositionFile();
  PositionFile(const PositionFile&) = delete;
  PositionFile& operator=(const PositionFile&) = delete;

  // Makes the folder. Empty when there is no position yet. One that cannot be read is an error: without it everything
  // would be written again.
  StreamHeads load();
  // On the disk when it returns; a sudden end leaves the old one or the new one.
  void save(const StreamHeads& heads) const;
  const std::string& path() const { return path_; }

 private:
  void lock();

  const std::string folder_;
  std::string path_;
  int lock_fd_ = -1;
};

}  // namespace trainbus
