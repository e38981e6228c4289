#pragma once
// Compresses files in the background, one after another: PATH becomes PATH.zst.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace trainbus {

// add() from one thread; a thread of its own, begun by the first. A file that cannot be compressed stays as it is, with
// a line in the log. What is not done when this is destroyed is left for the next time.
class PartCompressor {
 public:
  PartCompressor() = default;
  ~PartCompressor();
  PartCompressor(const PartCompressor&) = delete;
  PartCompressor& operator=(const PartCompressor&) = delete;

  void add(const std::string& path);
  // Waits until all is done.
  void drain();

 private:
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::string> waiting_;  // the first is under way
  std::jthread thread_;              // last: ends first
};

// A whole file or none: written beside the target, which is replaced, and synced; then the source is removed. False
// when stopped. Throws std::runtime_error with one line.
bool compress_file(const std::string& path, const std::stop_token& stop);

}  // namespace trainbus
