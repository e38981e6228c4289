#pragma once
// One face for every transport that bench-peers compares. A message is a topic ("batch/bench/t000/") and a body; each
// transport sends it the way its own users would.

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace trainbus::bench {

struct PeerOptions {
  std::string transport;  // see make_publisher()
  std::string in;         // HOST:PORT that publishers connect to
  std::string out;        // HOST:PORT that subscribers connect to
  int queue = 100'000;    // messages a client may queue, where its library has such a bound
  bool tiles = false;     // the messages are large
  bool prompt = false;    // send each message at once rather than many together, where the library asks
};

// One connection of a trainer. Used by one thread.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // False: refused, because its queue is full. May keep the message until flush().
  virtual bool send(std::string_view topic, std::string_view body) = 0;
  virtual void flush() {}  // the end of a burst
  virtual void idle() {}   // about every millisecond: reads what the server answers
};

// One consumer of everything, in a process of its own.
class Subscriber {
 public:
  using Receive = std::function<void(std::string_view body)>;
  virtual ~Subscriber() = default;
  // Subscribes; when it returns, what is published from now on arrives, as far as this side knows.
  virtual void start() = 0;
  // Hands over every message, and returns only when the connection ends.
  virtual void run(const Receive& receive) = 0;
};

// What is built in: "zmq" (also the bus: a plain PUB and a plain SUB), "tcp", and, where their libraries were there,
// "nats", "jetstream", "redis", "redis-streams", "mqtt".
std::vector<std::string> transports();
// Throw std::runtime_error with one line.
std::unique_ptr<Publisher> make_publisher(const PeerOptions& options);
std::unique_ptr<Subscriber> make_subscriber(const PeerOptions& options);

struct HostPort {
  std::string host;
  int port = 0;
};
inline HostPort host_port(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) throw std::runtime_error("not HOST:PORT: '" + address + "'");
  return {address.substr(0, colon), std::stoi(address.substr(colon + 1))};
}

// One pair a source file; those of libraries that are not there are not linked.
std::unique_ptr<Publisher> zmq_publisher(const PeerOptions& options);
std::unique_ptr<Subscriber> zmq_subscriber(const PeerOptions& options);
std::unique_ptr<Publisher> tcp_publisher(const PeerOptions& options);
std::unique_ptr<Subscriber> tcp_subscriber(const PeerOptions& options);
std::unique_ptr<Publisher> nats_publisher(const PeerOptions& options);
std::unique_ptr<Subscriber> nats_subscriber(const PeerOptions& options);
std::unique_ptr<Publisher> redis_publisher(const PeerOptions& options);
std::unique_ptr<Subscriber> redis_subscriber(const PeerOptions& options);
std::unique_ptr<Publisher> mqtt_publisher(const PeerOptions& options);
std::unique_ptr<Subscriber> mqtt_subscriber(const PeerOptions& options);

}  // namespace trainbus::bench
