#include "broker/acknowledgements.hpp"

#include <utility>

namespace trainbus {

void add_stored(RecordStore& store, const std::string& session_id, std::uint64_t incarnation,
                KindPositions& positions) {
  const auto session = parse_session_id(session_id);
  for (const Kind kind : kKeptKinds) {
    const auto through = session ? store.stored_through({kind, *session}, incarnation) : 0;
    if (through == 0) continue;
    auto* stored = positions.Add();
    stored->set_kind(kind);
    stored->set_sequence(through);
  }
}

// Makes it when it is new; nullptr when there is no room, even after forgetting those not heard for long.
Acknowledgements::Target* Acknowledgements::target(const Key& key, std::int64_t now_ms) {
  constexpr std::int64_t kForgetEveryMs = 1'000;
  auto found = targets_.find(key);
  if (found == targets_.end()) {
    if (targets_.size() >= kMaxTargets && now_ms >= next_forget_ms_) {
      next_forget_ms_ = now_ms + kForgetEveryMs;
      std::erase_if(targets_, [&](const auto& entry) { return now_ms - entry.second.used_ms >= kQuietTargetMs; });
    }
    if (targets_.size() >= kMaxTargets) {
      ++refused_;
      return nullptr;
    }
    found = targets_.try_emplace(key).first;
  }
  found->second.used_ms = now_ms;
  return &found->second;
}

void Acknowledgements::set_target(const std::string& session_id, std::uint64_t incarnation,
                                  const std::string& routing_id, std::int64_t now_ms) {
  if (Target* found = target({session_id, incarnation}, now_ms); found != nullptr) found->routing_id = routing_id;
}

void Acknowledgements::owe_to(const std::string& session_id, std::uint64_t incarnation, const std::string& routing_id,
                              std::int64_t now_ms) {
  Target* found = target({session_id, incarnation}, now_ms);
  if (found == nullptr) return;
  found->routing_id = routing_id;
  if (!std::exchange(found->owed, true)) owed_.push_back({session_id, incarnation});
}

void Acknowledgements::owe(const Stream& stream, std::int64_t now_ms) {
  const Key key{stream.topic.session.id(), stream.incarnation};
  const auto found = targets_.find(key);
  if (found == targets_.end()) return;
  found->second.used_ms = now_ms;
  if (!std::exchange(found->second.owed, true)) owed_.push_back(key);
}

void Acknowledgements::tick(std::int64_t now_ms) {
  if (now_ms < next_ms_) return;
  next_ms_ = now_ms + kEveryMs;
  send_all();
}

void Acknowledgements::send_all() {
  for (const auto& key : std::exchange(owed_, {})) {
    const auto found = targets_.find(key);
    if (found == targets_.end()) continue;
    found->second.owed = false;
    if (!send_to(key.first, key.second, found->second.routing_id)) targets_.erase(found);
  }
}

bool Acknowledgements::send_to(const std::string& session_id, std::uint64_t incarnation,
                               const std::string& routing_id) {
  v1::MetricsResponse response;
  response.set_session_id(session_id);
  response.mutable_ack()->set_success(true);
  response.mutable_ack()->set_incarnation(incarnation);
  add_stored(store_, session_id, incarnation, *response.mutable_ack()->mutable_stored());
  ++sent_;
  if (socket_.send(routing_id, response)) return true;
  const auto* trainer = roster_.find(session_id, incarnation);
  if (trainer != nullptr && trainer->routing_id == routing_id) roster_.disconnected(session_id, incarnation);
  return false;
}

}  // namespace trainbus
