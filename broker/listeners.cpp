#include "broker/listeners.hpp"

#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

namespace trainbus {
namespace {

constexpr int kBacklog = 4096;  // as of the sockets beside it (apply_lane)

struct Address {
  sockaddr_storage of{};
  socklen_t size = sizeof of;

  explicit Address(int fd) { getsockname(fd, reinterpret_cast<sockaddr*>(&of), &size); }
  int port() const {
    if (of.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(of).sin6_port);
    return of.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in&>(of).sin_port) : 0;
  }
};

bool listens(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

bool set_flag(int fd, int level, int option, int value = 1) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

// An IPv6 one may take IPv4 too.
bool listen_alike(int fd, int other) {
  const Address address(other);
  int v6_only = 0;
  socklen_t size = sizeof v6_only;
  if (address.of.ss_family == AF_INET6 && getsockopt(other, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, &size) == 0 &&
      !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only))
    return false;
  return set_flag(fd, SOL_SOCKET, SO_REUSEADDR) && set_flag(fd, SOL_SOCKET, SO_REUSEPORT) &&
         set_flag(other, SOL_SOCKET, SO_REUSEPORT) &&
         bind(fd, reinterpret_cast<const sockaddr*>(&address.of), address.size) == 0 && listen(fd, kBacklog) == 0;
}

}  // namespace

std::vector<int> listeners_at(int port) {
  std::vector<int> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && listens(fd) && Address(fd).port() == port) found.push_back(fd);
  }
  return found;
}

int listen_beside(int listener) {
  const Address address(listener);
  const int fd = socket(address.of.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0 && listen_alike(fd, listener)) return fd;
  const int error = errno;
  if (fd >= 0) close(fd);
  throw std::runtime_error("cannot listen twice on port " + std::to_string(address.port()) + ": " +
                           std::strerror(error));
}

}  // namespace trainbus
