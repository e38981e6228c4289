#pragma once
// A trainer of the plainest kind: a PUB socket (an XPUB, to see when the broker listens).

#include <stdexcept>
#include <string>
#include <zmq.hpp>

#include "support/patient_receive.hpp"
#include "support/sample_records.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus::test {

class PlainTrainer {
 public:
  // Waits until the broker has subscribed.
  explicit PlainTrainer(const std::string& broker) : socket_(context_, zmq::socket_type::xpub) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::sndhwm, 0);
    socket_.connect(parse_endpoints(broker).data_in());
    zmq::message_t subscription;
    for (bool batch = false, status = false; !batch || !status;) {
      if (!receive_patiently(socket_, subscription)) throw std::runtime_error("the broker never subscribed");
      const auto prefix = bytes_of(subscription).substr(1);
      batch |= std::string_view("batch/r/").starts_with(prefix);
      status |= std::string_view("status/r/").starts_with(prefix);
    }
  }
  void publish(const Record& record) {
    socket_.send(zmq::buffer(record.topic.text()), zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(record.message.SerializeAsString()), zmq::send_flags::none);
  }
  void publish_batches(std::uint64_t from, std::uint64_t to, const std::string& trainer = "t0") {
    for (auto sequence = from; sequence <= to; ++sequence)
      publish(sample_batch(sequence, trainer));
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

}  // namespace trainbus::test
