#include "broker/served_keys.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "broker/listeners.hpp"
#include "trainbus/addresses.hpp"

namespace trainbus {
namespace {

struct Place {
  zmq::socket_t* socket;
  std::size_t port;  // as BoundSockets::listeners
  std::string address;
  int listener;  // one of those that are there
};

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

// Each address once, however many listen there.
std::vector<Place> places_of(BoundSockets& sockets) {
  std::vector<Place> places;
  const std::array<zmq::socket_t*, 3> by_port{&sockets.xsub, &sockets.xpub, &sockets.router};
  for (std::size_t port = 0; port < by_port.size(); ++port) {
    std::map<std::string, int> listeners;
    for (const int listener : sockets.listeners[port])
      listeners.try_emplace(address_at(listener), listener);
    for (const auto& [address, listener] : listeners)
      places.push_back({by_port[port], port, address, listener});
  }
  return places;
}

// One descriptor more beside each place, for a key; closed unless libzmq has taken it.
class Listener {
 public:
  Listener(const Place& place, const std::string& key) : place_(place), key_(key), fd_(listen_beside(place.listener)) {}
  Listener(Listener&& other) noexcept : place_(other.place_), key_(other.key_), fd_(std::exchange(other.fd_, -1)) {}
  ~Listener() {
    if (fd_ >= 0) close(fd_);
  }

  std::size_t port() const { return place_.port; }
  int serve() {
    auto& socket = *place_.socket;
    socket.set(zmq::sockopt::curve_secretkey, key_);
    socket.set(zmq::sockopt::ipv6, place_.address.find('[') != std::string::npos);
    socket.set(zmq::sockopt::use_fd, fd_);
    try {
      socket.bind(place_.address);
    } catch (const zmq::error_t& error) {
      throw std::runtime_error("cannot listen on " + place_.address + " with another key: " + error.what());
    }
    socket.set(zmq::sockopt::use_fd, -1);
    return std::exchange(fd_, -1);
  }

 private:
  const Place& place_;
  const std::string& key_;
  int fd_;
};

void stop_listening(const Place& place) {
  place.socket->set(zmq::sockopt::ipv6, place.address.find('[') != std::string::npos);
  place.socket->unbind(place.address);
}

std::vector<std::string> without(std::vector<std::string> keys, const std::vector<std::string>& others) {
  std::erase_if(keys, [&](const auto& key) { return std::ranges::find(others, key) != others.end(); });
  return keys;
}

}  // namespace

// What listens is there before anything ends: the port is never another's, and newcomers wait in the kernel.
bool serve_keys(BoundSockets& sockets, const std::vector<std::string>& secret_keys) {
  const auto places = places_of(sockets);
  const bool anew = !without(sockets.secret_keys, secret_keys).empty();
  const auto added = anew ? secret_keys : without(secret_keys, sockets.secret_keys);
  std::vector<Listener> listeners;
  for (const auto& place : places)
    for (const auto& key : added)
      listeners.emplace_back(place, key);
  if (anew) {
    std::ranges::for_each(places, stop_listening);
    sockets.listeners = {};
  }
  for (auto& listener : listeners)
    sockets.listeners[listener.port()].push_back(listener.serve());
  sockets.secret_keys = secret_keys;
  return anew;
}

}  // namespace trainbus
