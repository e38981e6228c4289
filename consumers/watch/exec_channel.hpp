#pragma once
// A command that is started for each notice.

#include <sys/types.h>

#include <vector>

#include "channel.hpp"

namespace trainbus {

// The notice as JSON on its stdin and TRAINBUS_ALERT_* in its environment; its stdout goes to our stderr. Exit 0 is
// delivered. It has a process group of its own, which is killed at the time limit, and is always waited for.
class ExecChannel final : public Channel {
 public:
  ExecChannel(std::vector<std::string> command, std::chrono::milliseconds timeout)
      : command_(std::move(command)), timeout_(timeout) {}

  Attempt deliver(const Notice& notice, const std::atomic<bool>& stop) override;
  std::string shown() const override { return command_.front(); }

 private:
  // The process id, or 0 and errno.
  pid_t start(const Notice& notice, int stdin_fd) const;
  Attempt wait(pid_t pid, const std::atomic<bool>& stop) const;

  const std::vector<std::string> command_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace trainbus
