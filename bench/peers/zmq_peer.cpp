// PUB and SUB, two frames a message: to the bus, and to the bare loop.
#include <zmq.hpp>

#include "bench/peers/peer.hpp"

namespace trainbus::bench {
namespace {

zmq::context_t& context() {
  static zmq::context_t one = [] {
    zmq::context_t made(1);
    made.set(zmq::ctxopt::max_sockets, 4096);
    return made;
  }();
  return one;
}

class ZmqPublisher : public Publisher {
 public:
  explicit ZmqPublisher(const PeerOptions& options) {
    socket_.set(zmq::sockopt::sndhwm, options.queue);
    socket_.set(zmq::sockopt::linger, 0);
    socket_.connect("tcp://" + options.in);
  }
  bool send(std::string_view topic, std::string_view body) override {
    return socket_.send(zmq::buffer(topic), zmq::send_flags::sndmore) &&
           socket_.send(zmq::buffer(body), zmq::send_flags::none);
  }

 private:
  zmq::socket_t socket_{context(), zmq::socket_type::pub};
};

class ZmqSubscriber : public Subscriber {
 public:
  explicit ZmqSubscriber(const PeerOptions& options) : options_(options) {}
  void start() override {
    socket_.set(zmq::sockopt::rcvhwm, options_.queue);
    socket_.connect("tcp://" + options_.out);
    socket_.set(zmq::sockopt::subscribe, options_.tiles ? "tiles/bench/" : "batch/bench/");
  }
  void run(const Receive& receive) override {
    zmq::message_t topic, body;
    while (socket_.recv(topic) && socket_.recv(body))
      receive(body.to_string_view());
  }

 private:
  const PeerOptions options_;
  zmq::socket_t socket_{context(), zmq::socket_type::sub};
};

}  // namespace

std::unique_ptr<Publisher> zmq_publisher(const PeerOptions& options) { return std::make_unique<ZmqPublisher>(options); }
std::unique_ptr<Subscriber> zmq_subscriber(const PeerOptions& options) {
  return std::make_unique<ZmqSubscriber>(options);
}

}  // namespace trainbus::bench
