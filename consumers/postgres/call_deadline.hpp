#pragma once
// libpq waits for a server as long as the connection stands, also for one that hangs. This ends the connection.

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace trainbus {

// For as long as it lives, or until `limit` is over: then the socket, which must outlive it, is shut down, and the call
// that waits for it fails.
class CallDeadline {
 public:
  CallDeadline(int socket, std::chrono::milliseconds limit)
      : thread_([this, socket, limit](const std::stop_token& stop) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any never;
          never.wait_for(lock, stop, limit, [] { return false; });
          if (stop.stop_requested()) return;
          passed_ = true;
          shutdown(socket, SHUT_RDWR);
        }) {}
  bool passed() const { return passed_; }

 private:
  std::atomic<bool> passed_{false};
  std::jthread thread_;
};

}  // namespace trainbus
