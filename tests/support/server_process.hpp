#pragma once
// A server of somebody else as a child of the test, on ports of its own, with its files in a temporary folder.

#include <arpa/inet.h>
#include <pwd.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/support/process.hpp"

namespace trainbus::test {

// A port of 127.0.0.1 that nobody has, above those that the kernel gives to connecting sockets and those among which a
// broker looks. It is bound as long as this process lives, so that no test beside it gets it too; a server that sets
// SO_REUSEADDR, as servers do, may listen there.
inline int free_port() {
  static std::mt19937 random(std::random_device{}());
  for (int attempt = 0; attempt < 200; ++attempt) {
    const int port = std::uniform_int_distribution(61'000, 65'535)(random);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close(fd);
      continue;
    }
    const int on = 1;  // only now: before, the bind would not see another test's
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return port;
  }
  throw std::runtime_error("no free port");
}

// What it prints goes to a file: nobody has to read along. A root's server runs as `user`, because some refuse root.
class ServerProcess {
 public:
  using Arguments = std::vector<std::string>;

  ServerProcess(const std::string& program, const Arguments& arguments, std::string log_path,
                const std::string& user = {})
      : log_path_(std::move(log_path)), process_("/bin/sh", command(program, arguments, user)) {}

  void kill() {
    process_.signal(SIGKILL);
    process_.wait(std::chrono::seconds(5));
  }
  // To it and its children.
  void signal(int number) const {
    const auto pid = std::to_string(process_.pid());
    std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
    for (pid_t child; children >> child;)
      ::kill(child, number);
    process_.signal(number);
  }
  std::optional<int> wait(std::chrono::milliseconds limit) { return process_.wait(limit); }
  std::string log() const {
    std::ostringstream text;
    text << std::ifstream(log_path_).rdbuf();
    return text.str();
  }

 private:
  Arguments command(const std::string& program, const Arguments& arguments, const std::string& user) const {
    Arguments command = {"-c", "exec \"$@\" >>'" + log_path_ + "' 2>&1", "sh"};
    if (!user.empty() && geteuid() == 0)
      // The death signal is forgotten with the old user.
      for (const auto& part : {std::string("setpriv"), "--reuid=" + user, "--regid=" + user,
                               std::string("--init-groups"), std::string("--pdeathsig=KILL")})
        command.push_back(part);
    command.push_back(program);
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }

  std::string log_path_;
  Process process_;
};

}  // namespace trainbus::test
