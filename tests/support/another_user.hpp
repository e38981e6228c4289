#pragma once
// Another user of this host: nobody. Only root can become one.

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace trainbus::test {

inline bool can_be_another_user() { return geteuid() == 0; }

// What `attack` gives in a child process of user nobody: 0 to 100.
inline int as_nobody(const std::function<int()>& attack) {
  const pid_t child = fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    const bool changed =
        setgroups(0, nullptr) == 0 && setgid(kNobody) == 0 && setuid(kNobody) == 0 && geteuid() == kNobody;
    int result = 101;
    try {
      if (changed) result = std::clamp(attack(), 0, 100);
    } catch (...) {
      result = 102;
    }
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// What nobody can read or write in these folders, or below.
inline std::vector<std::string> open_to_nobody(const std::vector<std::string>& folders) {
  std::vector<std::string> arguments{
      "-c",
      "exec setpriv --reuid 65534 --regid 65534 --clear-groups find \"$@\" '(' -readable -o -writable ')' 2>/dev/null",
      "sh"};
  arguments.insert(arguments.end(), folders.begin(), folders.end());
  Process find("/bin/sh", arguments);
  find.wait(std::chrono::seconds(20));
  std::istringstream lines(find.output());
  std::vector<std::string> open;
  for (std::string line; std::getline(lines, line);)
    open.push_back(line);
  return open;
}

}  // namespace trainbus::test
