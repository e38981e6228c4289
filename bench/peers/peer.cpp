#include "bench/peers/peer.hpp"

namespace trainbus::bench {
namespace {

struct Transport {
  const char* name;
  std::unique_ptr<Publisher> (*publisher)(const PeerOptions&);
  std::unique_ptr<Subscriber> (*subscriber)(const PeerOptions&);
};

constexpr Transport kTransports[] = {
    {"zmq", zmq_publisher, zmq_subscriber},       {"tcp", tcp_publisher, tcp_subscriber},
#ifdef TRAINBUS_PEER_NATS
    {"nats", nats_publisher, nats_subscriber},    {"jetstream", nats_publisher, nats_subscriber},
#endif
#ifdef TRAINBUS_PEER_REDIS
    {"redis", redis_publisher, redis_subscriber}, {"redis-streams", redis_publisher, redis_subscriber},
#endif
#ifdef TRAINBUS_PEER_MQTT
    {"mqtt", mqtt_publisher, mqtt_subscriber},
#endif
};

const Transport& find(const std::string& name) {
  for (const auto& transport : kTransports)
    if (name == transport.name) return transport;
  throw std::runtime_error("transport '" + name + "' is not built in");
}

}  // namespace

std::vector<std::string> transports() {
  std::vector<std::string> names;
  for (const auto& transport : kTransports)
    names.emplace_back(transport.name);
  return names;
}

std::unique_ptr<Publisher> make_publisher(const PeerOptions& options) {
  return find(options.transport).publisher(options);
}

std::unique_ptr<Subscriber> make_subscriber(const PeerOptions& options) {
  return find(options.transport).subscriber(options);
}

}  // namespace trainbus::bench
