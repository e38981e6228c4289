#include "broker_connections.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "trainbus/addresses.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr int kDataSendHwm = 10000;
// A broker that is short of files leaves newcomers waiting: their kernel tries after 1 and 3 s, and then ever more
// seldom.
constexpr int kConnectMs = 4'000;
constexpr milliseconds kLookAtLink{20};  // shorter than any reconnection takes

zmq::socket_t make_socket(zmq::context_t& context, zmq::socket_type type, Lane lane, const std::string& session_id) {
  zmq::socket_t socket(context, type);
  apply_lane(socket, lane);
  apply_reconnect(socket, session_id);
  // Without a peer nothing is queued: the outbox repeats records, and old greetings are noise.
  socket.set(zmq::sockopt::immediate, 1);
  socket.set(zmq::sockopt::connect_timeout, kConnectMs);
  return socket;
}

void disconnect(zmq::socket_t& socket, std::string& connected) {
  if (!connected.empty()) socket.disconnect(std::exchange(connected, {}));
}

}  // namespace

BrokerConnections::BrokerConnections(zmq::context_t& context, const std::string& broker, const std::string& session_id,
                                     const std::optional<KeyFile>& key)
    : broker_(parse_endpoints(broker)),
      key_(key),
      data_(make_socket(context, zmq::socket_type::xpub, Lane::kData, session_id)),
      control_(make_socket(context, zmq::socket_type::dealer, Lane::kControl, session_id)) {
  data_.set(zmq::sockopt::sndhwm, kDataSendHwm);
  connect(control_, control_address_, broker_.control());
}

void BrokerConnections::connect(zmq::socket_t& socket, std::string& connected, std::string address) {
  if (connected.empty()) connect_to(socket, address, key_);
  connected = std::move(address);
}

bool BrokerConnections::turn(milliseconds timeout) {
  zmq_pollitem_t items[] = {{data_.handle(), 0, ZMQ_POLLIN, 0}, {control_.handle(), 0, ZMQ_POLLIN, 0}};
  zmq_poll(items, 2, timeout.count());
  control_readable_ = (items[1].revents & ZMQ_POLLIN) != 0;
  if ((items[0].revents & ZMQ_POLLIN) != 0) read_subscriptions();
  const auto now = Clock::now();
  if (now < next_look_) return false;
  next_look_ = now + kLookAtLink;
  if (!away(now)) connect(control_, control_address_, broker_.control());
  // With IMMEDIATE the DEALER is writable only while it has a peer.
  const bool writable = (control_.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
  return !std::exchange(linked_, writable) && writable;
}

// Frames are 1 (subscribe) or 0 (unsubscribe) and a prefix; a lost connection takes its subscriptions back too.
void BrokerConnections::read_subscriptions() {
  while (receive_message(data_, frames_)) {
    const std::string_view event = bytes_of(frames_[0]);
    if (frames_.size() != 1 || event.empty()) continue;
    if (event[0] == 1)
      subscriptions_.emplace(event.substr(1));
    else if (const auto found = subscriptions_.find(event.substr(1)); found != subscriptions_.end())
      subscriptions_.erase(found);
  }
}

bool BrokerConnections::subscribed(std::string_view topic) const {
  return std::ranges::any_of(subscriptions_, [&](const auto& prefix) { return topic.starts_with(prefix); });
}

void BrokerConnections::welcomed() {
  refusals_ = 0;
  connect(data_, data_address_, broker_.data_in());
}

void BrokerConnections::refused(Clock::time_point now) {
  disconnect(data_, data_address_);
  disconnect(control_, control_address_);
  linked_ = false;
  const milliseconds least = std::min<milliseconds>(kFirstAway * (1 << std::min(refusals_, 10)), kMostAway);
  ++refusals_;
  away_until_ = now + least + milliseconds(std::random_device{}() % static_cast<unsigned>(least.count()));
}

void BrokerConnections::set_linger(milliseconds linger) {
  data_.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
  control_.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
}

}  // namespace trainbus
