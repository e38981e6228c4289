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
#include <utility>

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

  // Of connecting, and of the first byte.
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

  // How the other end wants to shake hands, which the rest of its greeting says: "NULL", "CURVE"; empty: it does not
  // come. It waits for ours.
  std::string mechanism(Clock::time_point until) const {
    constexpr std::size_t kGreeting = 64, kAt = 12, kLength = 20;
    // Signature and version of ZMTP 3.0 are enough for it to go on. After a whole greeting that does not suit it, it
    // would close before its own is sent.
    std::string ours(11, '\0'), theirs(1, '\xff');
    ours[0] = '\xff';
    ours[9] = '\x7f';
    ours[10] = 3;
    if (send(fd_, ours.data(), ours.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(ours.size())) return {};
    while (theirs.size() < kGreeting && wait(POLLIN, until)) {
      char bytes[kGreeting];
      const auto count = recv(fd_, bytes, kGreeting - theirs.size(), 0);
      if (count <= 0) break;
      theirs.append(bytes, static_cast<std::size_t>(count));
    }
    if (theirs.size() < kAt + kLength) return {};
    return theirs.c_str() + kAt;
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

constexpr int kHungUpOn = 8;

// The next event of a monitor; 0: none in time.
std::uint16_t next_event(zmq::socket_t& events, Clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
  zmq::pollitem_t item{events.handle(), 0, ZMQ_POLLIN, 0};
  zmq::message_t what, where;
  std::uint16_t event = 0;
  if (zmq_poll(&item, 1, std::max<std::int64_t>(left.count(), 0)) > 0 && events.recv(what) && events.recv(where) &&
      what.size() >= sizeof event + sizeof(std::uint32_t)) {
    std::memcpy(&event, what.data(), sizeof event);
  }
  return event;
}

// What came of a handshake that libzmq does. A broker whose key is being rolled serves two, and hangs up at once on who
// comes to the other one's socket: only who is hung up on that often has the wrong key.
int handshake(const std::string& endpoint, const KeyFile& key, zmq::socket_type as, Clock::time_point until) {
  constexpr int kEnds = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
  constexpr char kMonitor[] = "inproc://handshake";
  zmq::context_t context(1);
  zmq::socket_t socket(context, as), events(context, zmq::socket_type::pair);
  socket.set(zmq::sockopt::linger, 0);
  events.set(zmq::sockopt::linger, 0);
  if (zmq_socket_monitor(socket.handle(), kMonitor, kEnds) != 0) return 0;
  events.connect(kMonitor);
  connect_to(socket, endpoint, key);
  std::uint16_t event = 0;
  for (int tries = 0; tries < kHungUpOn; ++tries) {
    const auto next = next_event(events, until);
    if (next == 0) break;
    event = next;
    const bool hung_up = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL || event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
    if (!hung_up) break;
  }
  zmq_socket_monitor(socket.handle(), nullptr, 0);
  return event;
}

std::string key_problem(const std::string& endpoint, const std::string& mechanism, const std::optional<KeyFile>& key,
                        zmq::socket_type as, Clock::time_point until) {
  if (mechanism.empty()) return {};
  if (!key)
    return mechanism == "NULL" ? "" : "wants a key: say --key FILE or TRAINBUS_KEY=FILE (trainbus-keys add makes one)";
  const std::string name = '\'' + key->said("name") + "' (" + key->path + ')';
  if (mechanism == "NULL")
    return "knows no keys, but key " + name + " is to be used: --key off or TRAINBUS_KEY=off says none";
  switch (handshake(endpoint, *key, as, std::min(until, Clock::now() + kHandshakeTime))) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return {};
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: return "does not take key " + name + ": it was revoked there";
    case 0:
      return "does not take key " + name +
             ": it is not known there, its role may not use this port, or the broker is too busy to answer";
    default: return "does not take key " + name + ": it is for another broker";
  }
}

}  // namespace

PortProblem port_problem(const std::string& endpoint, std::chrono::milliseconds limit,
                         const std::optional<KeyFile>& key, zmq::socket_type as) {
  const auto colon = endpoint.rfind(':');
  const auto host_at = endpoint.find("//") + 2;
  const auto addresses = addresses_of(endpoint.substr(host_at, colon - host_at));
  if (addresses.empty()) return {"no host is known by that name"};
  const auto until = Clock::now() + limit;
  std::string problem;
  for (const auto& address : addresses) {
    addrinfo wanted{};
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(address.c_str(), endpoint.c_str() + colon + 1, &wanted, &found) != 0) continue;
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
    Line line(*found);
    const std::string this_one = line.problem(until);
    if (this_one.empty()) {
      auto about_key = key_problem(endpoint, line.mechanism(until), key, as, until);
      return {about_key, !about_key.empty()};
    }
    if (problem.empty()) problem = this_one;
  }
  return {problem};
}

struct PortProbe::Answer {
  std::mutex mutex;
  std::optional<PortProblem> problem;
};

PortProbe::PortProbe(const std::string& endpoint, std::chrono::milliseconds limit, std::optional<KeyFile> key,
                     zmq::socket_type as)
    : answer_(std::make_shared<Answer>()) {
  // Detached: looking a name up cannot be interrupted, and nobody should wait for it at the end.
  std::thread([answer = answer_, endpoint, limit, key = std::move(key), as] {
    PortProblem problem;
    try {
      problem = port_problem(endpoint, limit, key, as);
    } catch (const std::exception&) {
      // No file or memory left for it: nothing is known, and nobody dies of that.
    }
    const std::lock_guard lock(answer->mutex);
    answer->problem = std::move(problem);
  }).detach();
}

std::optional<PortProblem> PortProbe::problem() const {
  const std::lock_guard lock(answer_->mutex);
  return answer_->problem;
}

}  // namespace trainbus
