#include "exec_channel.hpp"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "text_forms.hpp"

namespace trainbus {
namespace {

// A file in memory that holds `text`, to be read from the start; -1 and errno when there is none. Unlike a pipe it
// takes everything at once, whether the command reads it or not.
int file_of(const std::string& text) {
  const int fd = memfd_create("notice", MFD_CLOEXEC);
  if (fd < 0) return fd;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && lseek(fd, 0, SEEK_SET) == 0) return fd;
  close(fd);
  return -1;
}

std::vector<std::string> environment_with(const Notice& notice) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::strncmp(*entry, "TRAINBUS_ALERT_", 15) != 0) all.emplace_back(*entry);
  for (const auto& [name, value] : notice_environment(notice))
    all.push_back(name + '=' + value);
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Attempt attempt_of(int status) {
  if (WIFSIGNALED(status)) return {Attempt::kFailed, std::string("killed by ") + strsignal(WTERMSIG(status))};
  const int code = WEXITSTATUS(status);
  return {code == 0 ? Attempt::kDelivered : Attempt::kFailed, "exit " + std::to_string(code)};
}

}  // namespace

Attempt ExecChannel::deliver(const Notice& notice, const std::atomic<bool>& stop) {
  const int stdin_fd = file_of(notice_json(notice) + '\n');
  if (stdin_fd < 0) return {Attempt::kFailed, std::string("no memory for its stdin: ") + std::strerror(errno)};
  const pid_t pid = start(notice, stdin_fd);
  const int error = errno;
  close(stdin_fd);
  if (pid == 0) return {Attempt::kFailed, "cannot start " + command_.front() + ": " + std::strerror(error)};
  return wait(pid, stop);
}

pid_t ExecChannel::start(const Notice& notice, int stdin_fd) const {
  auto arguments = command_;
  auto environment = environment_with(notice);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, stdin_fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  sigset_t signals;
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, command_.front().c_str(), &files, &attributes, pointers_to(arguments).data(),
                                 pointers_to(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  errno = error;
  return error == 0 ? pid : 0;
}

Attempt ExecChannel::wait(pid_t pid, const std::atomic<bool>& stop) const {
  constexpr std::chrono::milliseconds kLookAgain{5};
  const auto until = std::chrono::steady_clock::now() + timeout_;
  int status = 0;
  for (;;) {
    if (waitpid(pid, &status, WNOHANG) == pid) return attempt_of(status);
    const bool late = std::chrono::steady_clock::now() >= until;
    if (late || stop) {
      kill(-pid, SIGKILL);
      waitpid(pid, &status, 0);
      const double seconds = static_cast<double>(timeout_.count()) / 1000;
      return {Attempt::kFailed, late ? "not done within " + duration_text(seconds) + ", killed" : "stopped"};
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace trainbus
