#include "broker/data_path.hpp"

#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kFence = "fence/";
constexpr std::size_t kMaxSubscriptionBytes = 200;

}  // namespace

void DataPath::attach(RecordStore& store, Roster& roster) {
  store_ = &store;
  roster_ = &roster;
  for (const Kind kind : kAllKinds) {
    if (kind == v1::KIND_TILES) continue;
    xsub_.send(zmq::buffer('\1' + topic_prefix(kind)), zmq::send_flags::none);
  }
}

bool DataPath::forward_data(std::int64_t now_ms) {
  std::size_t bytes = 0;
  const auto bytes_before = counters_.bytes_in;
  for (int count = 0; count < kMessagesPerTurn && bytes < kBytesPerTurn; ++count) {
    if (!receive_message(xsub_, frames_)) return false;
    for (const auto& frame : frames_)
      bytes += frame.size();
    ++counters_.messages_in;
    counters_.bytes_in = bytes_before + bytes;
    take(frames_, now_ms);
  }
  return true;
}

void DataPath::take(std::vector<zmq::message_t>& frames, std::int64_t now_ms) {
  arena_.Reset();
  auto& message = *google::protobuf::Arena::CreateMessage<v1::MetricsRequest>(&arena_);
  WireError error = WireError::kFrameCount;
  if (frames.size() == 2) error = decode_record(bytes_of(frames[0]), bytes_of(frames[1]), topic_, message);
  if (error == WireError::kNone && topic_.kind == v1::KIND_COMMAND) error = WireError::kForbiddenKind;
  if (error != WireError::kNone) {
    ++counters_.rejected[static_cast<std::size_t>(error)];
    return;
  }
  if (is_kept(topic_.kind)) {
    if (!store_->take(topic_, message, frames[1], now_ms)) {
      ++counters_.too_many_streams;
      return;
    }
    roster_->heard(topic_, message, frames[1], now_ms);
    return;
  }
  roster_->heard(topic_, message, frames[1], now_ms);
  ++(topic_.kind == v1::KIND_TILES ? counters_.tiles_in : counters_.heartbeats_in);
  ++counters_.messages_out;
  xpub_.send(std::move(frames[0]), zmq::send_flags::sndmore);
  xpub_.send(std::move(frames[1]), zmq::send_flags::none);
}

bool DataPath::forward_subscriptions() {
  for (int count = 0; count < kMessagesPerTurn; ++count) {
    if (!receive_message(xpub_, frames_)) return false;
    ++counters_.subscriptions;
    const auto bytes = bytes_of(frames_[0]);
    if (frames_.size() != 1 || bytes.empty() || bytes.size() > kMaxSubscriptionBytes ||
        (bytes[0] != 0 && bytes[0] != 1))
      continue;
    const auto topic = bytes.substr(1);
    if (topic.starts_with(topic_prefix(v1::KIND_TILES))) {
      pass_on_demand(bytes[0] == 1, topic);
    } else if (bytes[0] == 1 && topic.starts_with(kFence)) {
      ++counters_.fences;
      publish(std::string(topic), {});
    }
  }
  return true;
}

// XPUB gives only the first subscription and the last unsubscription of a topic, so this is the demand. Every trainer
// keeps each of them.
void DataPath::pass_on_demand(bool wanted, std::string_view topic) {
  const auto known = demanded_.find(topic);
  if (wanted == (known != demanded_.end())) return;
  if (wanted && demanded_.size() >= kMaxDemandedTopics) {
    ++counters_.too_many_demanded;
    return;
  }
  if (wanted)
    demanded_.emplace(topic);
  else
    demanded_.erase(known);
  xsub_.send(zmq::buffer((wanted ? '\1' : '\0') + std::string(topic)), zmq::send_flags::dontwait);
}

void DataPath::publish(const std::string& topic, zmq::message_t body) {
  ++counters_.messages_out;
  xpub_.send(zmq::buffer(topic), zmq::send_flags::sndmore);
  xpub_.send(std::move(body), zmq::send_flags::none);
}

}  // namespace trainbus
