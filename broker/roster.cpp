#include "broker/roster.hpp"

#include <algorithm>

#include "trainbus/knobs.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kHeardRecentlyMs = 30'000;
constexpr std::int64_t kConnectedMs = 15'000;

bool sign_of_life(Kind kind) { return kind != v1::KIND_COMMAND && kind != v1::KIND_ALERT; }

std::int64_t age(std::int64_t then_ms, std::int64_t now_ms) { return then_ms < 0 ? -1 : now_ms - then_ms; }

std::size_t bytes_of_all(const Roster::Session& session) {
  std::size_t bytes = 0;
  for (const auto& body : session.last)
    bytes += body.size();
  return bytes;
}

}  // namespace

Roster::Session* Roster::newest(const std::string& session_id, std::uint64_t incarnation, std::int64_t now_ms) {
  const auto known = sessions_.find(session_id);
  if (known == sessions_.end() && sessions_.size() >= kMaxSessions && !make_room(now_ms)) {
    ++refused_;
    return nullptr;
  }
  Session& session = known == sessions_.end() ? sessions_[session_id] : known->second;
  if (incarnation < session.incarnation) return nullptr;
  if (incarnation > session.incarnation) {
    body_bytes_ -= bytes_of_all(session);
    session = Session{};
    session.incarnation = incarnation;
  }
  return &session;
}

bool Roster::make_room(std::int64_t now_ms) {
  constexpr std::int64_t kEveryMs = 1'000;
  if (now_ms < next_make_room_ms_) return false;
  next_make_room_ms_ = now_ms + kEveryMs;
  std::erase_if(sessions_, [&](const auto& entry) {
    const Session& session = entry.second;
    return bytes_of_all(session) == 0 && now_ms - session.last_record_ms >= kHelloAloneMs;
  });
  return sessions_.size() < kMaxSessions;
}

void Roster::note(Session& session, Kind kind, const v1::MetricsRequest& message, const zmq::message_t& body) {
  if (kind == v1::KIND_MEDIA) return;  // up to 1 MiB each, and nothing a list shows
  if (message.has_status_update()) {
    session.status = message.status_update().status();
    const auto& knobs = message.status_update().config().knobs();
    if (message.status_update().has_config())
      session.knobs.assign(knobs.begin(), knobs.begin() + std::min<int>(knobs.size(), kMaxKnobs));
  }
  std::string& last = session.last[static_cast<std::size_t>(kind)];
  body_bytes_ -= last.size();
  last.assign(body_bytes_ + body.size() <= kMaxBodyBytes ? bytes_of(body) : std::string_view{});
  body_bytes_ += last.size();
}

void Roster::heard(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body,
                   std::int64_t now_ms) {
  if (!sign_of_life(topic.kind)) return;
  Session* session = newest(message.session_id(), message.incarnation(), now_ms);
  if (session == nullptr) return;
  if (topic.kind == v1::KIND_TILES) {
    ++session->tiles_in;
    const auto expected = session->tiles_sequence + 1;
    if (session->tiles_sequence != 0 && message.sequence() > expected)
      session->tiles_lost_on_link += message.sequence() - expected;
    session->tiles_sequence = std::max(session->tiles_sequence, message.sequence());
    return;
  }
  (topic.kind == v1::KIND_HEARTBEAT ? session->last_heartbeat_ms : session->last_record_ms) = now_ms;
  note(*session, topic.kind, message, body);
}

void Roster::restore(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body) {
  if (!sign_of_life(topic.kind)) return;
  if (Session* session = newest(message.session_id(), message.incarnation(), 0); session != nullptr)
    note(*session, topic.kind, message, body);
}

Roster::Greeting Roster::hello(const std::string& session_id, std::uint64_t incarnation, const std::string& routing_id,
                               const std::string& client_name, std::int64_t now_ms) {
  Session* session = newest(session_id, incarnation, now_ms);
  if (session == nullptr) return sessions_.contains(session_id) ? Greeting::kSuperseded : Greeting::kNoRoom;
  session->routing_id = routing_id;
  session->client_name = clipped(client_name, kMaxClientNameBytes);
  session->last_record_ms = now_ms;
  return Greeting::kWelcome;
}

void Roster::gave_up(const Topic& topic, std::uint64_t incarnation, std::uint64_t count) {
  const auto found = sessions_.find(topic.session.id());
  if (found != sessions_.end() && found->second.incarnation == incarnation)
    found->second.lost[static_cast<std::size_t>(topic.kind)] += count;
}

void Roster::disconnected(const std::string& session_id) {
  if (const auto found = sessions_.find(session_id); found != sessions_.end()) found->second.routing_id.clear();
}

const Roster::Session* Roster::find(const std::string& session_id) const {
  const auto found = sessions_.find(session_id);
  return found == sessions_.end() ? nullptr : &found->second;
}

std::vector<std::string> Roster::matching(const std::string& session_id) const {
  std::vector<std::string> found;
  const bool whole_run = session_id.ends_with("/*");
  const std::string_view prefix = std::string_view(session_id).substr(0, session_id.size() - (whole_run ? 1 : 0));
  for (const auto& [id, session] : sessions_)
    if (session_id.empty() || id == session_id || (whole_run && id.starts_with(prefix))) found.push_back(id);
  return found;
}

TargetFacts Roster::target_facts(const std::string& session_id, std::int64_t now_ms) const {
  const Session* session = find(session_id);
  if (session == nullptr) return {};
  const auto last = std::max(session->last_heartbeat_ms, session->last_record_ms);
  return {session->incarnation, training_ended(session->status), last >= 0 && now_ms - last < kHeardRecentlyMs};
}

std::string Roster::refusal(const std::string& session_id, const v1::ControlCommand& command) const {
  const Session* session = find(session_id);
  const std::string name = command_knob(command);
  if (session == nullptr || name.empty()) return {};
  const auto knob = std::ranges::find(session->knobs, name, &v1::Knob::name);
  if (knob != session->knobs.end()) return knob_value_problem(*knob, command_value_text(command));
  if (command.type() != v1::SET_KNOB) return {};  // may be taken by who declares nothing
  std::string offered;
  for (const auto& other : session->knobs)
    offered += (offered.empty() ? "" : ", ") + other.name();
  return "no knob '" + name + "'; " + (offered.empty() ? "this trainer offers none" : "this trainer offers " + offered);
}

v1::TrainerList Roster::list(const std::string& run, std::int64_t now_ms) const {
  constexpr std::size_t kEntryBytes = 256;  // without its bodies, roughly
  v1::TrainerList list;
  std::size_t bytes = 0;
  for (const auto& [id, session] : sessions_) {
    if (!run.empty() && !id.starts_with(run + '/')) continue;
    auto* entry = list.add_trainers();
    entry->set_session_id(id);
    entry->set_incarnation(session.incarnation);
    entry->set_last_heartbeat_age_ms(age(session.last_heartbeat_ms, now_ms));
    entry->set_last_record_age_ms(age(session.last_record_ms, now_ms));
    const auto last = std::max(session.last_heartbeat_ms, session.last_record_ms);
    entry->set_connected(!session.routing_id.empty() && last >= 0 && now_ms - last < kConnectedMs);
    entry->set_client_name(session.client_name);
    entry->set_tiles_in(session.tiles_in);
    entry->set_tiles_lost_on_link(session.tiles_lost_on_link);
    for (const Kind kind : kKeptKinds) {
      const auto lost = session.lost[static_cast<std::size_t>(kind)];
      if (lost == 0) continue;
      auto* position = entry->add_lost();
      position->set_kind(kind);
      position->set_sequence(lost);
    }
    for (const Kind kind : kAllKinds) {
      const auto& body = session.last[static_cast<std::size_t>(kind)];
      if (body.empty() || bytes + body.size() > kMaxListBytes) continue;
      bytes += body.size();
      auto* record = entry->add_last();
      record->set_kind(kind);
      record->set_message(body);
    }
    bytes += kEntryBytes;
    if (bytes > kMaxListBytes + kEntryBytes) break;
  }
  return list;
}

}  // namespace trainbus
