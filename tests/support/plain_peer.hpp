#pragma once
// The plainest peer of a broker there is: a publishing, a SUB and a DEALER socket, no SDK.

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <zmq.hpp>

#include "tests/support/patient_receive.hpp"
#include "trainbus/bus_key.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/wire.hpp"

namespace trainbus::test {

class PlainPeer {
 public:
  static constexpr std::uint64_t kIncarnation = 42;

  explicit PlainPeer(const Endpoints& endpoints, const std::optional<KeyFile>& key = std::nullopt)
      : pub_(context_, zmq::socket_type::xpub),
        sub_(context_, zmq::socket_type::sub),
        dealer_(context_, zmq::socket_type::dealer) {
    for (auto* socket : {&pub_, &sub_, &dealer_})
      socket->set(zmq::sockopt::linger, 0);
    for (auto* socket : {&pub_, &sub_, &dealer_})
      if (key) apply_key(*socket, *key);
    pub_.connect(endpoints.data_in());
    sub_.connect(endpoints.data_out());
    dealer_.connect(endpoints.control());
  }

  // A batch record of r/t.
  static v1::MetricsRequest record(std::uint64_t sequence, std::uint64_t incarnation = kIncarnation) {
    v1::MetricsRequest message;
    message.set_session_id("r/t");
    message.set_timestamp_ms(unix_ms());
    message.set_incarnation(incarnation);
    message.set_sequence(sequence);
    message.mutable_batch_data()->set_batch_idx(static_cast<int>(sequence));
    return message;
  }

  // Waits until the broker's own subscriptions have reached the publishing socket.
  bool wait_until_heard() {
    std::set<std::string> topics;
    while (topics.size() < std::size(kAllKinds) - 1) {
      zmq::message_t event;
      if (!receive_patiently(pub_, event)) return false;
      topics.insert(event.to_string().substr(1));
    }
    return true;
  }
  // The next subscription event: '+' or '-' and the topic.
  std::string next_subscription() {
    zmq::message_t event;
    if (!receive_patiently(pub_, event)) return "nothing";
    const auto text = event.to_string();
    return (text[0] == 1 ? '+' : '-') + text.substr(1);
  }
  // Returns when the subscription is in force.
  void subscribe(const std::string& topic) {
    sub_.set(zmq::sockopt::subscribe, topic);
    const std::string fence = "fence/" + std::to_string(++nonce_) + '-' + new_command_id() + '/';
    sub_.set(zmq::sockopt::subscribe, fence);
    for (std::string received; received != fence && received != "nothing";)
      received = receive().first;
  }
  void publish(const std::string& topic, const std::string& body) {
    pub_.send(zmq::buffer(topic), zmq::send_flags::sndmore);
    pub_.send(zmq::buffer(body), zmq::send_flags::none);
  }
  void publish(const v1::MetricsRequest& message) { publish("batch/r/t/", message.SerializeAsString()); }
  void resend(const v1::MetricsRequest& message) { resend_as("batch/r/t/", message); }
  void resend_as(const std::string& topic, const v1::MetricsRequest& message) {
    dealer_.send(zmq::buffer(topic), zmq::send_flags::sndmore);
    send_raw(message.SerializeAsString());
  }
  std::pair<std::string, v1::MetricsRequest> receive() {
    zmq::message_t topic, body;
    v1::MetricsRequest message;
    if (!receive_patiently(sub_, topic) || !receive_patiently(sub_, body)) return {"nothing", message};
    message.ParseFromArray(body.data(), static_cast<int>(body.size()));
    return {topic.to_string(), message};
  }
  // The topic of what comes within `time`; "" when nothing does.
  std::string receive_within(std::chrono::milliseconds time) {
    zmq::message_t topic, body;
    sub_.set(zmq::sockopt::rcvtimeo, static_cast<int>(time.count()));
    if (!sub_.recv(topic) || !sub_.recv(body)) return {};
    return topic.to_string();
  }
  std::uint64_t receive_sequence() { return receive().second.sequence(); }

  void send_raw(const std::string& bytes) { dealer_.send(zmq::buffer(bytes), zmq::send_flags::none); }
  // An empty response after 5 s of silence.
  v1::MetricsResponse next_response() {
    zmq::message_t body;
    v1::MetricsResponse response;
    if (receive_patiently(dealer_, body)) response.ParseFromArray(body.data(), static_cast<int>(body.size()));
    return response;
  }
  v1::MetricsResponse next_of(v1::MetricsResponse::PayloadCase wanted) {
    for (;;) {
      auto response = next_response();
      if (response.payload_case() == wanted || response.timestamp_ms() == 0) return response;
    }
  }
  v1::MetricsResponse ask(v1::MetricsRequest request) {
    request.set_request_id(++request_id_);
    send_raw(request.SerializeAsString());
    for (;;) {
      auto response = next_response();
      if (response.request_id() == request_id_ || response.timestamp_ms() == 0) return response;
    }
  }
  v1::MetricsResponse hello(std::uint64_t incarnation = kIncarnation) {
    v1::MetricsRequest request;
    request.set_session_id("r/t");
    request.set_incarnation(incarnation);
    request.mutable_hello()->mutable_session()->set_client_name("plain peer");
    return ask(request);
  }
  std::uint64_t counter(const std::string& name) {
    v1::MetricsRequest request;
    request.mutable_stats();
    return ask(request).stats().counters().at(name);
  }
  v1::FetchReply fetch(const v1::FetchRequest& wanted = {}) {
    v1::MetricsRequest request;
    *request.mutable_fetch() = wanted;
    return ask(request).fetch_reply();
  }
  v1::MetricsResponse issue(v1::CommandType type, const std::string& value = {}, const std::string& session = "r/t",
                            std::uint64_t incarnation = 0) {
    v1::MetricsRequest request;
    request.set_session_id(session);
    auto* command = request.mutable_issue_command();
    command->set_type(type);
    command->set_command_id(new_command_id());
    command->set_expected_incarnation(incarnation);
    if (!value.empty()) (*command->mutable_parameters())["value"] = value;
    return ask(request);
  }
  void report(const v1::ControlCommand& command, v1::CommandState state) {
    v1::MetricsRequest request;
    request.set_session_id("r/t");
    *request.mutable_command_report() = command;
    request.mutable_command_report()->set_state(state);
    request.mutable_command_report()->set_applied_step(7);
    send_raw(request.SerializeAsString());
  }

 private:
  zmq::context_t context_;
  zmq::socket_t pub_, sub_, dealer_;
  int nonce_ = 0;
  std::uint64_t request_id_ = 0;
};

}  // namespace trainbus::test
