#include "trainbus/port_probe.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>

#include "trainbus/addresses.hpp"

namespace trainbus {
namespace {

using Clock = std::chrono::steady_clock;

// A connection under way; closed with it.
class Line {
 public:
  explicit Line(const addrinfo& to)
      : fd_(socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        error_(fd_ < 0 || connect(fd_, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno) {
    if (fd_ < 0) error_ = errno;
  }
  ~Line() {
    if (fd_ >= 0) close(fd_);
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  std::string problem(Clock::time_point until) {
    if (error_ == EINPROGRESS) {
      if (!wait(POLLOUT, until)) return "no answer";
      socklen_t size = sizeof error_;
      getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_, &size);
    }
    if (error_ != 0) return reason(error_);
    if (!wait(POLLIN, until)) return "takes connections, but says nothing";
    unsigned char first = 0;
    const auto count = recv(fd_, &first, 1, 0);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return "closes the connection at once";
    if (count < 0) return reason(errno);
    return first == 0xff ? "" : "takes connections, but is no ZeroMQ port";
  }

 private:
  static std::string reason(int error) {
    std::string text = std::strerror(error);
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
  }
  bool wait(short events, Clock::time_point until) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd waiting{fd_, events, 0};
    return poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) == 1;
  }

  int fd_;
  int error_;
};

}  // namespace

std::string port_problem(const std::string& endpoint, std::chrono::milliseconds limit) {
  const auto colon = endpoint.rfind(':');
  const auto host_at = endpoint.find("//") + 2;
  const auto addresses = addresses_of(endpoint.substr(host_at, colon - host_at));
  if (addresses.empty()) return "no host is known by that name";
  const auto until = Clock::now() + limit;
  std::string problem;
  for (const auto& address : addresses) {
    addrinfo wanted{};
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(address.c_str(), endpoint.c_str() + colon + 1, &wanted, &found) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
    const std::string this_one = Line(*found).problem(until);
    if (this_one.empty()) return {};
    if (problem.empty()) problem = this_one;
  }
  return problem;
}

struct PortProbe::Answer {
  std::mutex mutex;
  std::optional<std::string> problem;
};

PortProbe::PortProbe(const std::string& endpoint, std::chrono::milliseconds limit)
    : answer_(std::make_shared<Answer>()) {
  // Detached: looking a name up cannot be interrupted, and nobody should wait for it at the end.
  std::thread([answer = answer_, endpoint, limit] {
    auto problem = port_problem(endpoint, limit);
    const std::lock_guard lock(answer->mutex);
    answer->problem = std::move(problem);
  }).detach();
}

std::optional<std::string> PortProbe::problem() const {
  const std::lock_guard lock(answer_->mutex);
  return answer_->problem;
}

}  // namespace trainbus
