#include "live_feed.hpp"

#include <algorithm>
#include <utility>

#include "trainbus/addresses.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kFenceAgainMs = 2'000;  // a fence that was not answered is asked for anew
constexpr std::int64_t kDoubtMs = 5'000;       // nothing came for so long: is it still a feed?
constexpr std::int64_t kDeafMs = 5'000;        // no fence came back for so long while the broker answers: it is not
constexpr int kReceiveHwm = 20'000;
constexpr std::string_view kFence = "fence/";

}  // namespace

LiveFeed::LiveFeed(zmq::context_t& context, Wanted wanted) : context_(context), wanted_(std::move(wanted)) {
  subscribe(steady_ms());
}

void LiveFeed::subscribe(std::int64_t now_ms) {
  sub_ = zmq::socket_t(context_, zmq::socket_type::sub);
  apply_lane(sub_, Lane::kData);
  apply_reconnect(sub_, new_command_id());
  sub_.set(zmq::sockopt::rcvhwm, kReceiveHwm);
  for (const Kind kind : wanted_.kinds)
    sub_.set(zmq::sockopt::subscribe, topic_prefix(kind, wanted_.run, wanted_.trainer));
  sub_.set(zmq::sockopt::subscribe, topic_prefix(v1::KIND_HEARTBEAT, wanted_.run, wanted_.trainer));
  fence_.clear();
  renew_fence(now_ms);
  connect_to(sub_, parse_endpoints(wanted_.broker).data_out());
  trusted_ms_ = now_ms;
}

void LiveFeed::renew_fence(std::int64_t now_ms) {
  if (!fence_.empty()) sub_.set(zmq::sockopt::unsubscribe, fence_);
  fence_ = std::string(kFence) + new_command_id() + '/';
  sub_.set(zmq::sockopt::subscribe, fence_);
  fence_asked_ms_ = now_ms;
  joined_ = false;
}

void LiveFeed::turn(bool answers, std::int64_t now_ms) {
  const bool waiting = (sub_.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
  if (waiting || !answers) {
    trusted_ms_ = now_ms;
  } else if (joined_ && now_ms - std::max(heard_ms_, trusted_ms_) >= kDoubtMs) {
    trusted_ms_ = now_ms;
    renew_fence(now_ms);
  } else if (!joined_ && now_ms - trusted_ms_ >= kDeafMs) {
    subscribe(now_ms);
  }
  if (!joined_ && now_ms - fence_asked_ms_ >= kFenceAgainMs) renew_fence(now_ms);
}

LiveFeed::Came LiveFeed::receive(std::vector<zmq::message_t>& frames, std::int64_t now_ms) {
  while (receive_message(sub_, frames)) {
    heard_ms_ = now_ms;
    if (!bytes_of(frames[0]).starts_with(kFence)) return Came::kMessage;
    if (bytes_of(frames[0]) != fence_) continue;  // one of before
    joined_ = true;
    trusted_ms_ = now_ms;
    return Came::kFence;
  }
  return Came::kNothing;
}

}  // namespace trainbus
