#include "heartbeat_pages.hpp"

#include <utility>

#include "control_dealer.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

HeartbeatPages::HeartbeatPages(zmq::context_t& context, const std::string& broker, std::string run, std::string trainer)
    : dealer_(control_dealer(context, broker)) {
  request_.set_run(std::move(run));
  request_.set_trainer(std::move(trainer));
}

void HeartbeatPages::turn(std::int64_t now_ms) {
  std::vector<zmq::message_t> frames;
  v1::MetricsResponse answer;
  while (receive_message(dealer_, frames)) {
    if (frames.size() != 1 || decode_control(bytes_of(frames[0]), answer) != WireError::kNone) continue;
    if (!waiting_ || answer.request_id() != request_id_ || !answer.has_trainers()) continue;
    waiting_ = false;
    take(answer.trainers());
    request_.set_after(answer.trainers().next());
    ask_at_ms_ = answer.trainers().next().empty() ? now_ms + kEveryMs : now_ms;
  }
  if (now_ms >= ask_at_ms_) ask(now_ms);
}

void HeartbeatPages::ask(std::int64_t now_ms) {
  v1::MetricsRequest question;
  *question.mutable_list() = request_;
  question.set_request_id(++request_id_);
  waiting_ = dealer_.send(zmq::buffer(question.SerializeAsString()), zmq::send_flags::dontwait).has_value();
  ask_at_ms_ = now_ms + kAskAgainMs;
}

void HeartbeatPages::take(const v1::TrainerList& page) {
  for (const auto& entry : page.trainers()) {
    if (entry.last_heartbeat_age_ms() < 0 || entry.last_heartbeat_age_ms() > kFreshMs) continue;
    for (const auto& last : entry.last()) {
      if (last.kind() != v1::KIND_HEARTBEAT) continue;
      std::string& handed_out = handed_out_[entry.session_id()];
      if (std::exchange(handed_out, last.message()) != last.message()) ready_.push_back(last.message());
    }
  }
}

std::optional<std::string> HeartbeatPages::next() {
  if (ready_.empty()) return std::nullopt;
  std::string body = std::move(ready_.back());
  ready_.pop_back();
  return body;
}

}  // namespace trainbus
