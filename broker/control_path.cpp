#include "broker/control_path.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "trainbus/bus_session.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

v1::AddressedCommand addressed(const CommandRegistry::Entry& entry) {
  v1::AddressedCommand command;
  command.set_session_id(entry.session_id);
  *command.mutable_command() = entry.command;
  return command;
}

}  // namespace

ControlPath::ControlPath(zmq::socket_t& router, RecordStore& store, Roster& roster, CommandRegistry& registry,
                         AlertRegistry& alerts, Stats stats)
    : router_(router), store_(store), roster_(roster), registry_(registry), alerts_(alerts), stats_(std::move(stats)) {}

bool ControlPath::answer(std::int64_t now_ms) {
  now_ms_ = now_ms;
  for (int count = 0; count < kMessagesPerTurn; ++count) {
    if (!receive_message(router_, frames_)) return false;
    ++counters_.requests;
    take(frames_, now_ms);
  }
  return true;
}

void ControlPath::take(std::vector<zmq::message_t>& frames, std::int64_t now_ms) {
  const Peer peer{frames[0].to_string(), 0};
  if (peers_.size() < kMaxAckTargets) peers_.insert(peer.routing_id);
  if (frames.size() == 3) return take_resent(peer, frames[1], frames[2], now_ms);
  const WireError error = frames.size() == 2 ? decode_control(bytes_of(frames[1]), message_) : WireError::kFrameCount;
  if (error == WireError::kNone) return take_request({peer.routing_id, message_.request_id()}, now_ms);
  ++counters_.rejected[static_cast<std::size_t>(error)];
  const bool parsed = error == WireError::kNoPayload || error == WireError::kSessionMismatch;
  refuse({peer.routing_id, parsed ? message_.request_id() : 0}, v1::INVALID_DATA,
         "not a control request: " + std::string(wire_error_name(error)));
}

void ControlPath::take_resent(const Peer& peer, zmq::message_t& topic, zmq::message_t& body, std::int64_t now_ms) {
  WireError error = decode_record(bytes_of(topic), bytes_of(body), topic_, message_);
  const bool kept = is_kept(topic_.kind) && topic_.kind != v1::KIND_COMMAND;
  if (error == WireError::kNone && !kept) error = WireError::kForbiddenKind;
  if (error != WireError::kNone) {
    ++counters_.rejected[static_cast<std::size_t>(error)];
    return refuse(peer, v1::INVALID_DATA, "not a record: " + std::string(wire_error_name(error)));
  }
  ++counters_.resent_records;
  store_.note_outbox(message_.session_id(), message_.incarnation());
  if (!store_.take(topic_, message_, body, now_ms)) return refuse(peer, v1::BUFFER_FULL, "too many streams");
  roster_.heard(topic_, message_, body, now_ms);
  owe_ack_to(peer, now_ms);
}

// Makes it when it is new; nullptr when there is no room, even after forgetting those not heard for long.
ControlPath::AckTarget* ControlPath::ack_target(const AckKey& key, std::int64_t now_ms) {
  constexpr std::int64_t kForgetEveryMs = 1'000;
  auto found = ack_targets_.find(key);
  if (found == ack_targets_.end()) {
    if (ack_targets_.size() >= kMaxAckTargets && now_ms >= next_forget_targets_ms_) {
      next_forget_targets_ms_ = now_ms + kForgetEveryMs;
      std::erase_if(ack_targets_, [&](const auto& entry) { return now_ms - entry.second.used_ms >= kQuietTargetMs; });
    }
    if (ack_targets_.size() >= kMaxAckTargets) return nullptr;
    found = ack_targets_.try_emplace(key).first;
  }
  found->second.used_ms = now_ms;
  return &found->second;
}

void ControlPath::take_request(const Peer& peer, std::int64_t now_ms) {
  v1::MetricsResponse response;
  switch (message_.payload_case()) {
    case v1::MetricsRequest::kHello: return hello(peer, now_ms);
    case v1::MetricsRequest::kIssueCommand: return issue(peer, now_ms);
    case v1::MetricsRequest::kCommandReport: return report(peer);
    case v1::MetricsRequest::kFindCommand: return find_command(peer);
    case v1::MetricsRequest::kFetch: return fetch(peer);
    case v1::MetricsRequest::kAlert: return raise(peer);
    case v1::MetricsRequest::kDemand: return lease(peer, now_ms);
    case v1::MetricsRequest::kList:
      *response.mutable_trainers() = roster_.list(message_.list().run(), now_ms);
      for (auto& entry : *response.mutable_trainers()->mutable_trainers())
        add_stored(entry.session_id(), entry.incarnation(), *entry.mutable_stored());
      response.mutable_trainers()->set_broker_time_ms(unix_ms());
      response.mutable_trainers()->set_broker_incarnation(store_.broker_incarnation());
      send(peer, response);
      return;
    case v1::MetricsRequest::kStats:
      *response.mutable_stats() = stats_();
      send(peer, response);
      return;
    default: return refuse(peer, v1::INVALID_DATA, "a record without its topic is no control request");
  }
}

void ControlPath::add_stored(const std::string& session_id, std::uint64_t incarnation, Positions& positions) {
  const auto session = parse_session_id(session_id);
  for (const Kind kind : kKeptKinds) {
    const auto through = session ? store_.stored_through({kind, *session}, incarnation) : 0;
    if (through == 0) continue;
    auto* stored = positions.Add();
    stored->set_kind(kind);
    stored->set_sequence(through);
  }
}

void ControlPath::hello(const Peer& peer, std::int64_t now_ms) {
  ++counters_.hellos;
  const auto& session = message_.session_id();
  if (!parse_session_id(session) || message_.incarnation() == 0)
    return refuse(peer, v1::INVALID_SESSION, "hello needs run/trainer and an incarnation, got '" + session + "'");
  if (const auto version = message_.hello().wire_version(); version != 0 && version != kWireVersion)
    return refuse(peer, v1::INVALID_DATA,
                  "'" + session + "' speaks version " + std::to_string(version) + " of the wire, this broker " +
                      std::to_string(kWireVersion));
  if (!message_.hello().has_session()) return hello_of_ended(peer, now_ms);
  const auto greeting =
      roster_.hello(session, message_.incarnation(), peer.routing_id, message_.hello().session().client_name(), now_ms);
  if (greeting == Roster::Greeting::kSuperseded)
    return refuse(peer, v1::INVALID_SESSION, "session '" + session + "' has a newer incarnation");
  if (greeting == Roster::Greeting::kNoRoom) return refuse(peer, v1::BUFFER_FULL, "too many sessions");
  note_positions();
  if (AckTarget* target = ack_target({session, message_.incarnation()}, now_ms); target != nullptr)
    target->routing_id = peer.routing_id;

  v1::MetricsResponse response;
  response.set_session_id(session);
  auto* welcome = response.mutable_welcome();
  welcome->set_broker_incarnation(store_.broker_incarnation());
  welcome->set_wire_version(kWireVersion);
  welcome->mutable_session()->set_success(true);
  welcome->mutable_session()->set_session_id(session);
  welcome->mutable_session()->mutable_server_config()->set_max_image_dimension(kMaxImagePixels);
  welcome->mutable_session()->mutable_server_config()->set_max_batch_size(kMaxBatchSize);
  add_stored(session, message_.incarnation(), *welcome->mutable_stored());
  send(peer, response);
}

// Somebody delivers what this incarnation left: records follow, and nobody is there to be commanded.
void ControlPath::hello_of_ended(const Peer& peer, std::int64_t now_ms) {
  note_positions();
  owe_ack_to(peer, now_ms);
}

void ControlPath::note_positions() {
  const auto& session = message_.session_id();
  store_.note_outbox(session, message_.incarnation());
  for (const auto& position : message_.hello().stored())
    if (is_kept(position.kind()))
      store_.note_gone({position.kind(), *parse_session_id(session)}, message_.incarnation(), position.sequence());
}

// Of the session and incarnation that sent the message.
void ControlPath::owe_ack_to(const Peer& peer, std::int64_t now_ms) {
  AckTarget* target = ack_target({message_.session_id(), message_.incarnation()}, now_ms);
  if (target == nullptr) return;
  target->routing_id = peer.routing_id;
  if (!std::exchange(target->owed, true)) owed_.push_back({message_.session_id(), message_.incarnation()});
}

void ControlPath::issue(const Peer& peer, std::int64_t now_ms) {
  const auto& command = message_.issue_command();
  const std::string problem = command_problem(command);
  const auto targets =
      message_.session_id().empty() ? std::vector<std::string>{} : roster_.matching(message_.session_id());
  if (!problem.empty() || targets.empty()) {
    ++counters_.commands_refused;
    if (!problem.empty()) return refuse(peer, v1::INVALID_DATA, problem);
    return refuse(peer, v1::INVALID_SESSION, "no trainer '" + message_.session_id() + "' is known");
  }
  if (!registry_.has_room(targets.size())) {
    ++counters_.commands_refused;
    return refuse(peer, v1::BUFFER_FULL, "too many commands are open");
  }
  ++counters_.commands_issued;
  std::vector<CommandRegistry::Entry*> fresh;
  for (const auto& session : targets) {
    bool is_new = false;
    auto facts = roster_.target_facts(session, now_ms);
    facts.refusal = roster_.refusal(session, command);
    auto& entry = registry_.issue(session, command, facts, unix_ms(), is_new);
    if (is_new) fresh.push_back(&entry);
  }
  const auto answer = [this, peer, id = command.command_id()] {
    v1::MetricsResponse response;
    for (const auto* entry : registry_.find_by_id(id))
      *response.mutable_command_state()->add_commands() = addressed(*entry);
    send(peer, response);
  };
  if (fresh.empty()) return answer();
  // Records are stored in the order they are written, so the last one's commit says all are.
  for (const auto* entry : fresh)
    store_state(*entry, entry == fresh.back() ? answer : std::function<void()>{});
}

void ControlPath::report(const Peer& peer) {
  if (!parse_session_id(message_.session_id())) return refuse(peer, v1::INVALID_SESSION, "no such session");
  if (auto* entry = registry_.report(message_.session_id(), message_.command_report(), unix_ms()); entry != nullptr)
    store_state(*entry, {});
}

void ControlPath::find_command(const Peer& peer) {
  const auto& id = message_.find_command().command_id();
  const auto found = id.empty() ? registry_.find_by_session(message_.session_id()) : registry_.find_by_id(id);
  if (!id.empty() && found.empty())
    return refuse(peer, v1::INVALID_DATA, "no command '" + std::string(clipped(id, 64)) + "'");
  v1::MetricsResponse response;
  response.mutable_command_state();
  for (const auto* entry : found)
    *response.mutable_command_state()->add_commands() = addressed(*entry);
  send(peer, response);
}

void ControlPath::fetch(const Peer& peer) {
  ++counters_.fetches;
  const auto found = fetching_.find(peer.routing_id);
  const bool too_many = found != fetching_.end() && found->second >= kMaxFetchesOfAPeer;
  const std::size_t bytes = too_many ? 0 : message_.fetch().SpaceUsedLong();
  if (too_many || fetching_bytes_ + bytes > kMaxFetchingBytes) {
    ++counters_.fetches_refused;
    return refuse(peer, v1::BUFFER_FULL,
                  too_many ? "read the answers before asking for more" : "too much is being fetched, ask again");
  }
  ++fetching_[peer.routing_id];
  fetching_bytes_ += bytes;
  most_fetching_bytes_ = std::max(most_fetching_bytes_, fetching_bytes_);
  auto job = std::make_unique<FetchJob>();
  job->routing_id = peer.routing_id;
  job->request_id = peer.request_id;
  job->request.Swap(message_.mutable_fetch());
  job->request_bytes = bytes;
  store_.fetch(std::move(job));
}

// Requests are made of small pieces, and what was allocated between them keeps the allocator from giving their pages
// back by itself.
void ControlPath::fetch_ended(const FetchJob& job) {
  if (const auto asked = fetching_.find(job.routing_id); --asked->second == 0) fetching_.erase(asked);
  fetching_bytes_ -= job.request_bytes;
  if (fetching_.empty() && std::exchange(most_fetching_bytes_, 0) >= kGiveBackBytes) malloc_trim(0);
}

void ControlPath::answer_fetches() {
  while (auto job = store_.journal().take_answer()) {
    const Peer peer{job->routing_id, job->request_id};
    v1::FetchRequest().Swap(&job->request);  // frees it, as Clear() would not
    fetch_ended(*job);
    if (!job->error.empty()) {
      spdlog::error("{}", job->error);
      refuse(peer, v1::INTERNAL_ERROR, job->error);
      continue;
    }
    v1::MetricsResponse response;
    response.mutable_fetch_reply()->Swap(&job->reply);
    response.mutable_fetch_reply()->set_broker_incarnation(store_.broker_incarnation());
    send(peer, response);
  }
}

void ControlPath::raise(const Peer& peer) {
  const auto session = parse_session_id(message_.session_id());
  const auto& alert = message_.alert();
  const bool of_the_bus = session && session->run == kBusRun && alert.trainer_incarnation() != 0;
  if (!session || (!of_the_bus && roster_.find(message_.session_id()) == nullptr))
    return refuse(peer, v1::INVALID_SESSION, "no trainer '" + message_.session_id() + "' is known");
  if (alert.alert_id().empty() || alert.alert_id().size() > 128 || alert.message().size() > kMaxTextBytes)
    return refuse(peer, v1::INVALID_DATA, "an alert needs an id of at most 128 bytes and a short message");
  const auto acknowledge = [this, peer] {
    v1::MetricsResponse response;
    response.mutable_ack()->set_success(true);
    send(peer, response);
  };
  if (!alerts_.add(alert)) return acknowledge();
  v1::MetricsRequest record;
  record.set_session_id(message_.session_id());
  record.set_timestamp_ms(unix_ms());
  record.set_incarnation(alert.trainer_incarnation() != 0 ? alert.trainer_incarnation()
                                                          : roster_.find(message_.session_id())->incarnation);
  *record.mutable_alert() = alert;
  store_.write({v1::KIND_ALERT, *session}, record, acknowledge);
}

void ControlPath::store_state(const CommandRegistry::Entry& entry, std::function<void()> then) {
  v1::MetricsRequest record;
  record.set_session_id(entry.session_id);
  record.set_timestamp_ms(unix_ms());
  record.set_incarnation(entry.command.expected_incarnation());
  *record.mutable_command() = entry.command;
  store_.write({v1::KIND_COMMAND, *parse_session_id(entry.session_id)}, record,
               [this, session = entry.session_id, id = entry.command.command_id(), state = entry.command.state(),
                then = std::move(then)] {
                 registry_.stored(session, id, state);
                 next_commands_ms_ = 0;
                 if (then) then();
               });
}

void ControlPath::tick(std::int64_t now_ms) {
  if (now_ms >= next_acks_ms_) {
    next_acks_ms_ = now_ms + kAckEveryMs;
    send_acks();
  }
  if (now_ms >= next_commands_ms_) {
    next_commands_ms_ = now_ms + kLookAtCommandsEveryMs;
    auto due =
        registry_.due(unix_ms(), [&](const std::string& session) { return roster_.target_facts(session, now_ms); });
    for (const auto* entry : due.moved)
      store_state(*entry, {});
    for (auto* entry : due.to_send)
      send_command(*entry);
  }
  if (now_ms < next_demand_ms_) return;
  next_demand_ms_ = now_ms + kDemandEveryMs;
  send_all_demand(now_ms);
}

void ControlPath::send_command(CommandRegistry::Entry& entry) {
  v1::MetricsResponse response;
  *response.mutable_command() = entry.command;
  // At least 1: 0 would mean that no time is stated.
  response.mutable_command()->set_time_to_live_ms(std::max<std::int64_t>(1, entry.command.deadline_ms() - unix_ms()));
  send_to(entry.session_id, response);
}

// To a trainer's control connection; false when it has none.
bool ControlPath::send_to(const std::string& session_id, v1::MetricsResponse& response) {
  const auto* session = roster_.find(session_id);
  if (session == nullptr || session->routing_id.empty()) return false;
  response.set_session_id(session_id);
  if (send({session->routing_id, 0}, response)) return true;
  roster_.disconnected(session_id);
  return false;
}

void ControlPath::owe_ack(const Stream& stream) {
  const AckKey key{stream.topic.session.id(), stream.incarnation};
  const auto target = ack_targets_.find(key);
  if (target == ack_targets_.end()) return;
  target->second.used_ms = now_ms_;
  if (!std::exchange(target->second.owed, true)) owed_.push_back(key);
}

void ControlPath::send_acks() {
  for (const auto& key : std::exchange(owed_, {})) {
    const auto target = ack_targets_.find(key);
    if (target == ack_targets_.end()) continue;
    target->second.owed = false;
    v1::MetricsResponse response;
    response.set_session_id(key.first);
    response.mutable_ack()->set_success(true);
    response.mutable_ack()->set_incarnation(key.second);
    add_stored(key.first, key.second, *response.mutable_ack()->mutable_stored());
    ++counters_.acks;
    if (send({target->second.routing_id, 0}, response)) continue;
    const auto* session = roster_.find(key.first);
    if (session != nullptr && session->routing_id == target->second.routing_id) roster_.disconnected(key.first);
    ack_targets_.erase(target);
  }
}

void ControlPath::lease(const Peer& peer, std::int64_t now_ms) {
  if (!parse_session_id(message_.session_id()))
    return refuse(peer, v1::INVALID_SESSION, "a demand is for one trainer, got '" + message_.session_id() + "'");
  if (!demand_.lease(message_.session_id(), peer.routing_id, message_.demand(), now_ms))
    return refuse(peer, v1::BUFFER_FULL, "too many viewers");
  send_demand(message_.session_id(), now_ms);
}

void ControlPath::send_demand(const std::string& session_id, std::int64_t now_ms) {
  const auto demand = demand_.demand(session_id, now_ms);
  if (!demand) return;
  v1::MetricsResponse response;
  *response.mutable_demand() = *demand;
  send_to(session_id, response);
}

void ControlPath::send_all_demand(std::int64_t now_ms) {
  demand_.forget_expired(now_ms);
  demand_.each_session([&](const std::string& session_id) { send_demand(session_id, now_ms); });
}

void ControlPath::say_goodbye(const std::string& reason) {
  send_acks();
  for (const auto& routing_id : std::set<std::string>(peers_)) {
    v1::MetricsResponse response;
    response.mutable_goodbye()->set_reason(reason);
    send({routing_id, 0}, response);
  }
}

void ControlPath::refuse(const Peer& peer, v1::ErrorCode code, const std::string& why) {
  ++counters_.errors_answered;
  v1::MetricsResponse response;
  response.mutable_error()->set_code(code);
  response.mutable_error()->set_message(why);
  send(peer, response);
}

bool ControlPath::send(const Peer& peer, v1::MetricsResponse& response) {
  response.set_timestamp_ms(unix_ms());
  response.set_request_id(peer.request_id);
  const std::string body = response.SerializeAsString();
  try {
    const auto sent = router_.send(zmq::buffer(peer.routing_id), zmq::send_flags::sndmore | zmq::send_flags::dontwait);
    if (sent) {
      router_.send(zmq::buffer(body), zmq::send_flags::dontwait);
      return true;
    }
    ++counters_.unreachable;  // its queue is full: it does not read
    return true;
  } catch (const zmq::error_t&) {  // EHOSTUNREACH: it is gone
    ++counters_.unreachable;
    peers_.erase(peer.routing_id);
    return false;
  }
}

}  // namespace trainbus
