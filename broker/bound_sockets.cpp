#include "broker/bound_sockets.hpp"

#include <cerrno>
#include <random>
#include <stdexcept>

#include "broker/gatekeeper.hpp"
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
  socket.set(zmq::sockopt::handshake_ivl, static_cast<int>(kHandshakeTime.count()));
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

}  // namespace

BoundSockets bind_sockets(zmq::context_t& context, const Endpoints& wanted, const std::string& secret_key) {
  if (wanted.base_port != 0) {
    auto sockets = make_sockets(context, secret_key);
    bind_all(sockets, wanted);
    return sockets;
  }
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> ports(10'000, 32'000);
  for (int attempt = 1;; ++attempt) {
    Endpoints candidate = wanted;
    candidate.base_port = static_cast<std::uint16_t>(ports(random));
    auto sockets = make_sockets(context, secret_key);
    try {
      bind_all(sockets, candidate);
      return sockets;
    } catch (const std::runtime_error&) {
      if (attempt == kTriesForFreePorts) throw;
    }
  }
}

}  // namespace trainbus
