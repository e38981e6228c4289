#include "broker_reach.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace trainbus {
namespace {

constexpr int kPatienceMs = 20;
constexpr int kControlOffset = 2;

// Names are not looked up, which may take long.
std::string numeric(std::string host) {
  if (host == "localhost") return "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return host.substr(1, host.size() - 2);
  return host;
}

}  // namespace

bool refuses_connections(const Endpoints& broker) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(broker.base_port + kControlOffset);
  if (getaddrinfo(numeric(broker.host).c_str(), port.c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
  const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  bool refused = connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno == ECONNREFUSED;
  if (!refused && errno == EINPROGRESS) {
    pollfd item{fd, POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (poll(&item, 1, kPatienceMs) > 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0)
      refused = error == ECONNREFUSED;
  }
  close(fd);
  return refused;
}

}  // namespace trainbus
