#include "broker/data_path.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "trainbus/envelope.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

constexpr std::string_view kFence = "fence/";
constexpr std::size_t kMaxSubscriptionBytes = 200;
constexpr std::size_t kMaxTopicShown = 160;

}  // namespace

zmq::message_t with_incarnation(const zmq::message_t& body, std::uint64_t incarnation) {
  v1::MetricsRequest said;
  said.set_incarnation(incarnation);
  const auto bytes = std::string(bytes_of(body)) + said.SerializeAsString();
  return zmq::message_t(bytes.data(), bytes.size());
}

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
    if (!receive_message(xsub_, frames_)) {
      connections_.drained(Port::kDataIn);
      return false;
    }
    const Identity& sender = gatekeeper_.sender(frames_[0]);
    connections_.heard(frames_[0], &sender);
    for (const auto& frame : frames_)
      bytes += frame.size();
    ++counters_.messages_in;
    counters_.bytes_in = bytes_before + bytes;
    take(frames_, sender, now_ms);
  }
  return true;
}

// Into topic_ and message_. A topic that records came on before is known by its bytes.
WireError DataPath::read(std::string_view topic_bytes, std::string_view body, Stream*& newest) {
  newest = store_->newest(topic_bytes);
  if (newest == nullptr) {
    auto parsed = parse_topic(topic_bytes);
    if (!parsed) return WireError::kBadTopic;
    topic_ = std::move(*parsed);
  }
  const Kind kind = newest != nullptr ? newest->topic.kind : topic_.kind;
  const WireError error = decode_envelope(kind, session_in(topic_bytes), body, message_);
  return error == WireError::kNone && kind == v1::KIND_COMMAND ? WireError::kForbiddenKind : error;
}

// Which start of its trainer it is of, its payload tells.
void DataPath::identify(const Topic& topic, const zmq::message_t& body, std::int64_t now_ms) {
  message_.ParseFromArray(body.data(), static_cast<int>(body.size()));  // it did
  roster_->identify(topic, message_, now_ms, ConnectionWatch::descriptor_of(body));
}

// Its publisher has no way to hear of it, so whoever reads this program's log does: a line a minute for each reason.
void DataPath::reject(WireError error, std::string_view topic, std::int64_t now_ms) {
  constexpr std::int64_t kSayEveryMs = 60'000;
  const auto reason = static_cast<std::size_t>(error);
  const auto count = ++counters_.rejected[reason];
  if (now_ms < say_again_ms_[reason]) return;
  say_again_ms_[reason] = now_ms + kSayEveryMs;
  std::string shown = clean_text(topic, kMaxTopicShown);
  std::ranges::replace_if(
      shown, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  spdlog::warn("a message on the topic '{}' was refused: {} ({} so far)", shown, wire_error_name(error), count);
}

void DataPath::take(std::vector<zmq::message_t>& frames, const Identity& sender, std::int64_t now_ms) {
  Stream* newest = nullptr;
  const WireError error =
      frames.size() == 2 ? read(bytes_of(frames[0]), bytes_of(frames[1]), newest) : WireError::kFrameCount;
  if (error != WireError::kNone) return reject(error, bytes_of(frames[0]), now_ms);
  const Topic& topic = newest != nullptr ? newest->topic : topic_;
  const Act act = topic.kind == v1::KIND_ALERT ? Act::kAlert : Act::kTrain;
  if (!gatekeeper_.may(sender, act, session_in(bytes_of(frames[0])))) return;
  const bool said_incarnation = message_.incarnation() != 0;
  if (!said_incarnation || message_.sequence() == 0) identify(topic, frames[1], now_ms);
  if (is_kept(topic.kind)) {
    if (!store_->take(topic, message_, frames[1], now_ms, newest)) {
      ++counters_.too_many_streams;
      return;
    }
    if (roster_->heard(topic, message_, frames[1], now_ms))
      if (auto row = roster_->to_store(message_.session_id(), message_.incarnation())) store_->add(std::move(*row));
    return;
  }
  if (!said_incarnation) frames[1] = with_incarnation(frames[1], message_.incarnation());
  roster_->heard(topic, message_, frames[1], now_ms);
  ++(topic.kind == v1::KIND_TILES ? counters_.tiles_in : counters_.heartbeats_in);
  ++counters_.messages_out;
  fan_out_.send(std::move(frames[0]), std::move(frames[1]));
}

bool DataPath::forward_subscriptions() {
  for (int count = 0; count < kMessagesPerTurn; ++count) {
    if (!receive_message(xpub_, frames_)) {
      connections_.drained(Port::kDataOut);
      return false;
    }
    connections_.heard(frames_[0], &gatekeeper_.sender(frames_[0]));
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
  const auto change = tile_demand_.change(wanted, topic);
  if (change == TileDemand::Change::kFull) ++counters_.too_many_demanded;
  if (change != TileDemand::Change::kChanged) return;
  xsub_.send(zmq::buffer((wanted ? '\1' : '\0') + std::string(topic)), zmq::send_flags::dontwait);
}

void DataPath::publish(const std::string& topic, zmq::message_t body) {
  ++counters_.messages_out;
  fan_out_.send(zmq::message_t(topic.data(), topic.size()), std::move(body));
}

}  // namespace trainbus
