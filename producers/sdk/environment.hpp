#pragma once
// Where a training runs, for the parameters "env/..." of its plan.

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace trainbus {

using Environment = std::map<std::string, std::string>;

// env/host, env/command_line (see safe_command_line), env/git_commit and env/git_branch of the working folder,
// env/device (CPU and GPUs), env/os, env/user, env/pid. What cannot be found out is left out. Gathered at the first
// call of the process, which takes some milliseconds, a second where a GPU driver sleeps; a forked child gathers its
// own.
Environment environment();

// As a shell would take it, at most 2,048 bytes. Secrets are "***": the value of a flag or an assignment whose name
// contains password, passwd, secret, token, api_key, apikey, credential or auth (any case, '-' as '_'), what follows
// such a name and ':' or '=' within an argument, and user:password in a URL.
std::string safe_command_line(std::span<const std::string> arguments);

// The environment as one thread gathers it and another waits for it.
class LateEnvironment {
 public:
  void set(Environment environment);
  // Waits at most so long; empty when it has not come.
  Environment get(std::chrono::milliseconds wait) const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable came_;
  std::optional<Environment> environment_;
};

}  // namespace trainbus
