#include "broker/bound_sockets.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>
#include <stdexcept>

#include "broker/gatekeeper.hpp"
#include "broker/listeners.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr int kTriesForFreePorts = 200;
constexpr std::int64_t kMaxSubscriptionFrame = 1024;

// The key in force, and the one before it while that is good too; "" without keys.
struct Keys {
  std::string now, before;

  explicit Keys(const std::string& keys) : now(keys.substr(0, keys.find(' '))), before(keys.substr(now.size())) {
    if (!before.empty()) before.erase(0, 1);
  }
};

void encrypt(zmq::socket_t& socket, const std::string& secret_key, const char* domain) {
  if (secret_key.empty()) return;
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, secret_key);
  socket.set(zmq::sockopt::zap_domain, std::string(domain));
}

BoundSockets make_sockets(zmq::context_t& context, const std::string& secret_key) {
  namespace opt = zmq::sockopt;
  BoundSockets sockets{zmq::socket_t(context, zmq::socket_type::xsub),
                       zmq::socket_t(context, zmq::socket_type::xpub),
                       zmq::socket_t(context, zmq::socket_type::router),
                       {}};
  // Both lanes of a trainer arrive here, so the limits are the tiles'; the records' own are checked on decoding.
  apply_lane(sockets.xsub, Lane::kTiles);
  apply_lane(sockets.xpub, Lane::kData);
  sockets.xpub.set(opt::maxmsgsize, kMaxSubscriptionFrame);
  sockets.xpub.set(opt::sndhwm, BoundSockets::kSubscriberQueue);
  apply_lane(sockets.router, Lane::kControl);
  sockets.router.set(opt::router_mandatory, true);
  sockets.router.set(opt::sndhwm, BoundSockets::kAnswerQueue);
  encrypt(sockets.xsub, secret_key, kDataInDomain);
  encrypt(sockets.xpub, secret_key, kDataOutDomain);
  encrypt(sockets.router, secret_key, kControlDomain);
  return sockets;
}

void bind_all(BoundSockets& sockets, const Endpoints& endpoints) {
  std::string address;
  try {
    bind_to(sockets.xsub, address = endpoints.data_in());
    bind_to(sockets.xpub, address = endpoints.data_out());
    bind_to(sockets.router, address = endpoints.control());
  } catch (const zmq::error_t& error) {
    const std::string why = error.num() == ENODEV ? "no host is known by that name" : error.what();
    throw std::runtime_error("cannot listen on " + address + ": " + why);
  }
  sockets.endpoints = endpoints;
}

// "tcp://host:port" of a listening descriptor.
std::string address_at(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(), port.data(), port.size(),
              NI_NUMERICHOST | NI_NUMERICSERV);
  return "tcp://" + host_and_port(host.data(), port.data());
}

// libzmq serves a listening descriptor by one key. For another key a second one listens beside each: who comes to the
// one that has not theirs is hung up on at once, and is soon at the other.
void serve_too(zmq::socket_t& socket, int port, const std::string& secret_key) {
  socket.set(zmq::sockopt::curve_secretkey, secret_key);
  for (const int first : listeners_at(port)) {
    const auto address = address_at(first);
    const int second = listen_beside(first);
    socket.set(zmq::sockopt::ipv6, address.find('[') != std::string::npos);
    socket.set(zmq::sockopt::use_fd, second);
    try {
      socket.bind(address);
    } catch (const zmq::error_t& error) {
      close(second);
      throw std::runtime_error("cannot listen on " + address + " with the key before: " + error.what());
    }
    socket.set(zmq::sockopt::use_fd, -1);
  }
}

BoundSockets bound(zmq::context_t& context, const Endpoints& endpoints, const Keys& keys) {
  auto sockets = make_sockets(context, keys.now);
  bind_all(sockets, endpoints);
  if (keys.before.empty()) return sockets;
  serve_too(sockets.xsub, endpoints.base_port, keys.before);
  serve_too(sockets.xpub, endpoints.base_port + 1, keys.before);
  serve_too(sockets.router, endpoints.base_port + 2, keys.before);
  return sockets;
}

}  // namespace

BoundSockets bind_sockets(zmq::context_t& context, const Endpoints& wanted, const std::string& secret_key) {
  const Keys keys(secret_key);
  if (wanted.base_port != 0) return bound(context, wanted, keys);
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> ports(10'000, 32'000);
  for (int attempt = 1;; ++attempt) {
    Endpoints candidate = wanted;
    candidate.base_port = static_cast<std::uint16_t>(ports(random));
    try {
      return bound(context, candidate, keys);
    } catch (const std::runtime_error&) {
      if (attempt == kTriesForFreePorts) throw;
    }
  }
}

}  // namespace trainbus
