// MQTT 3.1.1 at QoS 0, with mosquitto's own library.
#include <mosquitto.h>
#include <poll.h>

#include "bench/peers/peer.hpp"

namespace trainbus::bench {
namespace {

constexpr int kKeepAliveSeconds = 600;

mosquitto* connect(const std::string& address, void* self) {
  static const int initialized = mosquitto_lib_init();
  (void)initialized;
  const auto [host, port] = host_port(address);
  mosquitto* client = mosquitto_new(nullptr, true, self);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  const int error = mosquitto_connect(client, host.c_str(), port, kKeepAliveSeconds);
  if (error != MOSQ_ERR_SUCCESS) throw std::runtime_error("mqtt: " + address + ": " + mosquitto_strerror(error));
  return client;
}

// Writes from the calling thread, as the library does without a loop of its own.
class MqttPublisher : public Publisher {
 public:
  explicit MqttPublisher(const PeerOptions& options) : client_(connect(options.in, this)) {
    for (int i = 0; i < 20; ++i)
      mosquitto_loop(client_, 5, 1);  // until the server has accepted
  }
  bool send(std::string_view topic, std::string_view body) override {
    const std::string name(topic.substr(0, topic.size() - 1));
    if (mosquitto_publish(client_, nullptr, name.c_str(), static_cast<int>(body.size()), body.data(), 0, false) !=
        MOSQ_ERR_SUCCESS)
      return false;
    for (int tries = 0; mosquitto_want_write(client_) && tries < 2000; ++tries) {
      pollfd writable{mosquitto_socket(client_), POLLOUT, 0};
      poll(&writable, 1, 5);
      mosquitto_loop_write(client_, 1);
    }
    return true;
  }
  void idle() override { mosquitto_loop_misc(client_); }

 private:
  mosquitto* client_;
};

class MqttSubscriber : public Subscriber {
 public:
  explicit MqttSubscriber(const PeerOptions& options) : options_(options) {}
  void start() override {
    client_ = connect(options_.out, this);
    mosquitto_message_callback_set(client_, [](mosquitto*, void* self, const mosquitto_message* message) {
      (*static_cast<MqttSubscriber*>(self)->receive_)(
          {static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen)});
    });
    mosquitto_subscribe(client_, nullptr, options_.tiles ? "tiles/#" : "batch/#", 0);
  }
  void run(const Receive& receive) override {
    receive_ = &receive;
    const int error = mosquitto_loop_forever(client_, 100, 1);
    throw std::runtime_error(std::string("mqtt: the subscriber was cut off: ") + mosquitto_strerror(error));
  }

 private:
  const PeerOptions options_;
  mosquitto* client_ = nullptr;
  const Receive* receive_ = nullptr;
};

}  // namespace

std::unique_ptr<Publisher> mqtt_publisher(const PeerOptions& options) {
  return std::make_unique<MqttPublisher>(options);
}
std::unique_ptr<Subscriber> mqtt_subscriber(const PeerOptions& options) {
  return std::make_unique<MqttSubscriber>(options);
}

}  // namespace trainbus::bench
