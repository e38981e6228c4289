#pragma once
// A real program of the project as a child process: its output is collected, and it never outlives the test.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/patience.hpp"

namespace trainbus::test {

class Process {
 public:
  // `program`: a name in build/bin, or an absolute path. stdout and stderr are both collected.
  Process(const std::string& program, std::vector<std::string> arguments) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
    arguments.insert(arguments.begin(), program.front() == '/' ? program : std::string(TRAINBUS_BIN) + '/' + program);
    std::vector<char*> argv;
    for (auto& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(ends[1]);
    output_fd_ = ends[0];
    fcntl(output_fd_, F_SETFL, O_NONBLOCK);
  }
  ~Process() {
    if (!exit_code_) {
      signal(SIGKILL);
      wait(std::chrono::seconds(5));
    }
    close(output_fd_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  // Everything printed so far.
  const std::string& output() {
    char buffer[4096];
    for (ssize_t count; (count = read(output_fd_, buffer, sizeof buffer)) > 0;)
      output_.append(buffer, count);
    return output_;
  }

  // The rest of the first line that contains `marker`, after it; waits for it at most `limit` (patience).
  std::optional<std::string> wait_for(const std::string& marker,
                                      std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const Patience patience(limit);
    do {
      const auto at = output().find(marker);
      const auto end = at == std::string::npos ? at : output_.find('\n', at);
      if (end != std::string::npos) return output_.substr(at + marker.size(), end - at - marker.size());
      if (has_ended() && output().find(marker) == std::string::npos) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (!patience.over());
    return std::nullopt;
  }

  // The exit code (128 + signal when killed) once it has ended; empty when it has not within `limit` (patience).
  std::optional<int> wait(std::chrono::milliseconds limit) {
    const Patience patience(limit);
    while (!has_ended()) {
      output();  // a full pipe would stop the child
      if (limit.count() == 0 || patience.over()) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    output();
    return exit_code_;
  }

 private:
  bool has_ended() {
    int status = 0;
    if (!exit_code_ && waitpid(pid_, &status, WNOHANG) == pid_)
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return exit_code_.has_value();
  }

  pid_t pid_ = -1;
  int output_fd_ = -1;
  std::string output_;
  std::optional<int> exit_code_;
};

}  // namespace trainbus::test
