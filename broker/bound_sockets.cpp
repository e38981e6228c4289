#include "broker/bound_sockets.hpp"

#include <cerrno>
#include <cstdlib>
#include <random>
#include <stdexcept>

#include "broker/gatekeeper.hpp"
#include "broker/listeners.hpp"
#include "broker/served_keys.hpp"
#include "trainbus/addresses.hpp"
#include "trainbus/port_probe.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr int kTriesForFreePorts = 200;
constexpr std::int64_t kMaxSubscriptionFrame = 1024;

void encrypt(zmq::socket_t& socket, const std::string& secret_key, const char* domain) {
  if (secret_key.empty()) return;
  socket.set(zmq::sockopt::curve_server, true);
  socket.set(zmq::sockopt::curve_secretkey, secret_key);
  socket.set(zmq::sockopt::zap_domain, std::string(domain));
}

// A ROUTER numbers its peers from rand() on, and libzmq ends the program where a peer has said as its own identity the
// number that another one is given next. By default every program's rand() is the same.
void make_peer_numbers_unpredictable() { std::srand(std::random_device{}()); }

BoundSockets make_sockets(zmq::context_t& context, const std::string& secret_key) {
  namespace opt = zmq::sockopt;
  make_peer_numbers_unpredictable();
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

BoundSockets bound(zmq::context_t& context, const Endpoints& endpoints, const std::vector<std::string>& secret_keys) {
  auto sockets = make_sockets(context, secret_keys.empty() ? "" : secret_keys.front());
  bind_all(sockets, endpoints);
  for (int port = 0; port < 3; ++port)
    sockets.listeners[static_cast<std::size_t>(port)] = listeners_at(endpoints.base_port + port);
  if (secret_keys.empty()) return sockets;
  sockets.secret_keys = {secret_keys.front()};
  serve_keys(sockets, secret_keys);
  return sockets;
}

}  // namespace

BoundSockets bind_sockets(zmq::context_t& context, const Endpoints& wanted,
                          const std::vector<std::string>& secret_keys) {
  if (wanted.base_port != 0) return bound(context, wanted, secret_keys);
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> ports(10'000, 32'000);
  for (int attempt = 1;; ++attempt) {
    Endpoints candidate = wanted;
    candidate.base_port = static_cast<std::uint16_t>(ports(random));
    try {
      return bound(context, candidate, secret_keys);
    } catch (const std::runtime_error&) {
      if (attempt == kTriesForFreePorts) throw;
    }
  }
}

}  // namespace trainbus
