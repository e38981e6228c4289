#include "broker/control_path.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "trainbus/bus_session.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/text.hpp"

namespace trainbus {

ControlPath::ControlPath(zmq::socket_t& router, RecordStore& store, Roster& roster, CommandRegistry& registry,
                         AlertRegistry& alerts, HistoryDesk& history, BackupDesk& backup, ArchiveDesk& archives,
                         Guards guards, std::string broker_id, TileDemand& tiles, Publish publish, Stats stats)
    : socket_(router),
      store_(store),
      roster_(roster),
      alerts_(alerts),
      history_(history),
      backup_(backup),
      archives_(archives),
      guards_(guards),
      broker_id_(std::move(broker_id)),
      tiles_(tiles),
      publish_(std::move(publish)),
      acknowledgements_(socket_, store, roster),
      commands_(socket_, store, roster, registry),
      stats_(std::move(stats)) {}

ControlCounters ControlPath::counters() const {
  ControlCounters counters = counters_;
  counters.acks = acknowledgements_.sent();
  counters.commands_issued = commands_.issued() + history_commands_;
  counters.commands_refused = commands_.refused();
  counters.commands_too_many = commands_.too_many();
  counters.targets_refused = acknowledgements_.refused();
  counters.unreachable = socket_.unreachable();
  counters.not_read = socket_.not_read();
  counters.errors_answered = socket_.errors_answered();
  return counters;
}

bool ControlPath::answer(std::int64_t now_ms) {
  now_ms_ = now_ms;
  for (int count = 0; count < kMessagesPerTurn; ++count) {
    if (!socket_.receive(frames_)) {
      guards_.connections.drained(Port::kControl);
      return false;
    }
    sender_ = &guards_.gatekeeper.sender(frames_.back());
    guards_.connections.heard(frames_.back(), sender_);
    descriptor_ = ConnectionWatch::descriptor_of(frames_.back());
    ++counters_.requests;
    take(frames_, now_ms);
  }
  return true;
}

void ControlPath::take(std::vector<zmq::message_t>& frames, std::int64_t now_ms) {
  const Peer peer{frames[0].to_string(), 0};
  if (frames.size() == 3) return take_resent(peer, frames[1], frames[2], now_ms);
  const WireError error = frames.size() == 2 ? decode_control(bytes_of(frames[1]), message_) : WireError::kFrameCount;
  if (error == WireError::kNone) return take_request({peer.routing_id, message_.request_id()}, now_ms);
  ++counters_.rejected[static_cast<std::size_t>(error)];
  const bool parsed =
      error == WireError::kNoPayload || error == WireError::kSessionMismatch || error == WireError::kNumberTooLarge;
  socket_.refuse({peer.routing_id, parsed ? message_.request_id() : 0}, v1::INVALID_DATA,
                 "not a control request: " + std::string(wire_error_name(error)));
}

void ControlPath::take_resent(const Peer& peer, zmq::message_t& topic, zmq::message_t& body, std::int64_t now_ms) {
  WireError error = decode_record(bytes_of(topic), bytes_of(body), topic_, message_);
  const bool kept = is_kept(topic_.kind) && topic_.kind != v1::KIND_COMMAND;
  if (error == WireError::kNone && topic_.kind == v1::KIND_HEARTBEAT) {
    if (allowed(peer, Act::kTrain, message_.session_id())) take_heartbeat(topic, body, now_ms);
    return;
  }
  if (error == WireError::kNone && !kept) error = WireError::kForbiddenKind;
  if (error != WireError::kNone) {
    ++counters_.rejected[static_cast<std::size_t>(error)];
    return socket_.refuse(peer, v1::INVALID_DATA, "not a record: " + std::string(wire_error_name(error)));
  }
  if (!allowed(peer, topic_.kind == v1::KIND_ALERT ? Act::kAlert : Act::kTrain, message_.session_id())) return;
  ++counters_.resent_records;
  roster_.identify(topic_, message_, now_ms);
  store_.note_outbox(message_.session_id(), message_.incarnation());
  if (!store_.take(topic_, message_, body, now_ms)) {
    ++counters_.streams_refused;
    return socket_.refuse(peer, v1::BUFFER_FULL, "too many streams");
  }
  if (roster_.heard(topic_, message_, body, now_ms))
    if (auto row = roster_.to_store(message_.session_id(), message_.incarnation())) store_.add(std::move(*row));
  acknowledgements_.owe_to(message_.session_id(), message_.incarnation(), peer.routing_id, now_ms);
}

// Of a trainer whose data port does not connect.
void ControlPath::take_heartbeat(const zmq::message_t& topic, zmq::message_t& body, std::int64_t now_ms) {
  if (message_.incarnation() == 0) {
    roster_.identify(topic_, message_, now_ms);
    body = with_incarnation(body, message_.incarnation());
  }
  roster_.heard(topic_, message_, body, now_ms, true);
  publish_(topic.to_string(), std::move(body));
}

bool ControlPath::allowed(const Peer& peer, Act act, std::string_view session_id) {
  if (guards_.gatekeeper.may(*sender_, act, session_id)) return true;
  socket_.refuse(peer, v1::INVALID_DATA, Gatekeeper::reason(*sender_, act, session_id));
  return false;
}

Act ControlPath::act_of_request() const {
  switch (message_.payload_case()) {
    case v1::MetricsRequest::kHello:
    case v1::MetricsRequest::kCommandReport: return Act::kTrain;
    case v1::MetricsRequest::kIssueCommand:
      return HistoryDesk::handles(message_.issue_command().type()) ? Act::kErase : Act::kCommand;
    case v1::MetricsRequest::kBackup: return Act::kCommand;
    case v1::MetricsRequest::kAlert: {  // what a trainer has to leave out it says itself
      const bool own_limit = message_.alert().rule() == "limit" && Gatekeeper::trains(*sender_, message_.session_id());
      return own_limit ? Act::kTrain : Act::kAlert;
    }
    default: return Act::kWatch;
  }
}

void ControlPath::take_request(const Peer& peer, std::int64_t now_ms) {
  if (!allowed(peer, act_of_request(), message_.session_id())) return;
  v1::MetricsResponse response;
  switch (message_.payload_case()) {
    case v1::MetricsRequest::kHello: return hello(peer, now_ms);
    case v1::MetricsRequest::kIssueCommand: return issue(peer, now_ms);
    case v1::MetricsRequest::kCommandReport: return commands_.report(peer, message_, now_ms);
    case v1::MetricsRequest::kFindCommand: return find_command(peer);
    case v1::MetricsRequest::kFetch: return fetch(peer);
    case v1::MetricsRequest::kAlert: return raise(peer);
    case v1::MetricsRequest::kDemand: return lease(peer, now_ms);
    case v1::MetricsRequest::kBackup: return back_up(peer, now_ms);
    case v1::MetricsRequest::kConsumerReport: return take_losses(peer, now_ms);
    case v1::MetricsRequest::kList: return list(peer, now_ms);
    case v1::MetricsRequest::kStats:
      *response.mutable_stats() = stats_();
      socket_.send(peer, response);
      return;
    default: return socket_.refuse(peer, v1::INVALID_DATA, "a record without its topic is no control request");
  }
}

void ControlPath::hello(const Peer& peer, std::int64_t now_ms) {
  ++counters_.hellos;
  const auto& session = message_.session_id();
  if (!parse_session_id(session) || message_.incarnation() == 0)
    return socket_.refuse(peer, v1::INVALID_SESSION,
                          "hello needs run/trainer and an incarnation, got '" + session + "'");
  if (const auto version = message_.hello().wire_version(); version != 0 && version != kWireVersion)
    return socket_.refuse(peer, v1::INVALID_DATA,
                          "'" + session + "' speaks version " + std::to_string(version) + " of the wire, this broker " +
                              std::to_string(kWireVersion));
  store_.recall(*parse_session_id(session), message_.incarnation());
  if (message_.hello().from_spool() || !message_.hello().has_session()) return hello_of_ended(peer, now_ms);
  const bool had_place = roster_.find(session, message_.incarnation()) != nullptr;
  if (const auto why = guards_.files.refusal(session, descriptor_, had_place, now_ms); !why.empty())
    return socket_.refuse(peer, v1::BUFFER_FULL, why);
  probe_others(session, message_.incarnation());
  if (!roster_.hello(message_, peer.routing_id, now_ms))
    return socket_.refuse(peer, v1::BUFFER_FULL, "too many sessions");
  guards_.files.greeted(session, descriptor_);
  note_positions();
  acknowledgements_.set_target(session, message_.incarnation(), peer.routing_id, now_ms);
  welcome(peer, now_ms);
  if (const auto* trainer = roster_.find(session, message_.incarnation())) tell_watched(session, *trainer);
}

// A trainer that was killed still looks alive for a while; a message that cannot be delivered tells.
void ControlPath::probe_others(const std::string& session_id, std::uint64_t incarnation) {
  for (const auto* other : roster_.connected(session_id))
    if (other->number != incarnation)
      acknowledgements_.send_to(session_id, other->number, std::string(other->routing_id));
}

void ControlPath::welcome(const Peer& peer, std::int64_t now_ms) {
  const auto& session = message_.session_id();
  v1::MetricsResponse response;
  response.set_session_id(session);
  auto* welcome = response.mutable_welcome();
  welcome->set_broker_incarnation(store_.broker_incarnation());
  welcome->set_wire_version(kWireVersion);
  welcome->set_broker_id(broker_id_);
  welcome->mutable_session()->set_success(true);
  welcome->mutable_session()->set_session_id(session);
  welcome->mutable_session()->set_message(guards_.files.data_port_problem());
  welcome->mutable_session()->mutable_server_config()->set_max_image_dimension(kMaxImagePixels);
  welcome->mutable_session()->mutable_server_config()->set_max_batch_size(kMaxBatchSize);
  for (const auto* other : roster_.live(session, now_ms))
    if (other->number != message_.incarnation() && !message_.hello().from_spool())
      welcome->add_other_live(other->number);
  add_stored(store_, session, message_.incarnation(), *welcome->mutable_stored());
  socket_.send(peer, response);
}

// Somebody delivers what this incarnation left: records follow, and nobody is there to be commanded. One who asks by a
// request id wants to know who this broker is; a spool that has not said of whom it has records wants no more.
void ControlPath::hello_of_ended(const Peer& peer, std::int64_t now_ms) {
  if (peer.request_id != 0) welcome(peer, now_ms);
  if (peer.request_id != 0 && message_.hello().from_spool() && message_.hello().stored().empty()) return;
  roster_.deliver(message_.session_id(), message_.incarnation(), message_.hello().delivered_by(), now_ms);
  note_positions();
  acknowledgements_.owe_to(message_.session_id(), message_.incarnation(), peer.routing_id, now_ms);
}

void ControlPath::note_positions() {
  const auto& session = message_.session_id();
  store_.note_outbox(session, message_.incarnation());
  for (const auto& position : message_.hello().stored())
    if (is_kept(position.kind()))
      store_.note_gone({position.kind(), *parse_session_id(session)}, message_.incarnation(), position.sequence());
}

void ControlPath::list(const Peer& peer, std::int64_t now_ms) {
  if (message_.list().run().empty() && !message_.list().trainer().empty())
    return socket_.refuse(peer, v1::INVALID_DATA, "trainer '" + message_.list().trainer() + "' is of which run?");
  if (message_.list().archived()) return list_all_stored(peer);
  v1::MetricsResponse response;
  auto& trainers = *response.mutable_trainers();
  trainers = roster_.list(message_.list(), now_ms);
  for (auto& entry : *trainers.mutable_trainers()) {
    store_.recall(*parse_session_id(entry.session_id()), entry.incarnation());
    add_stored(store_, entry.session_id(), entry.incarnation(), *entry.mutable_stored());
    std::uint64_t records = 0;
    for (const auto& stored : entry.stored())
      records += stored.sequence();
    for (const auto& lost : entry.lost())
      records -= std::min(records, lost.sequence());
    entry.set_records(records);
    entry.set_tiles_lost_to_consumers(losses_.lost(entry.session_id(), entry.incarnation()));
  }
  trainers.set_broker_time_ms(unix_ms());
  trainers.set_broker_incarnation(store_.broker_incarnation());
  socket_.send(peer, response);
}

void ControlPath::list_all_stored(const Peer& peer) {
  history_.list(message_.list(), [this, peer](v1::TrainerList list, const std::string& error) {
    if (!error.empty()) return socket_.refuse(peer, v1::INTERNAL_ERROR, error);
    v1::MetricsResponse response;
    *response.mutable_trainers() = std::move(list);
    response.mutable_trainers()->set_broker_time_ms(unix_ms());
    response.mutable_trainers()->set_broker_incarnation(store_.broker_incarnation());
    socket_.send(peer, response);
  });
}

void ControlPath::back_up(const Peer& peer, std::int64_t now_ms) {
  if (store_.failing()) return socket_.refuse(peer, v1::INTERNAL_ERROR, store_.failure());
  auto answer = backup_.answer(message_.backup(), now_ms);
  if (const auto* problem = std::get_if<std::string>(&answer))
    return socket_.refuse(peer, v1::INTERNAL_ERROR, *problem);
  v1::MetricsResponse response;
  *response.mutable_backup_reply() = std::move(std::get<v1::BackupReply>(answer));
  socket_.send(peer, response);
}

void ControlPath::issue(const Peer& peer, std::int64_t now_ms) {
  auto& command = *message_.mutable_issue_command();
  command.set_issuer(Gatekeeper::issuer(*sender_, command.issuer()));
  if (HistoryDesk::handles(command.type()) && command_problem(command).empty()) return issue_to_history(peer);
  commands_.issue(peer, message_, now_ms);
}

void ControlPath::issue_to_history(const Peer& peer) {
  ++history_commands_;
  history_.issue(message_.session_id(), message_.issue_command(),
                 [this, peer](const v1::AddressedCommand* command, const std::string& error) {
                   if (command == nullptr) return socket_.refuse(peer, v1::INVALID_DATA, error);
                   v1::MetricsResponse response;
                   *response.mutable_command_state()->add_commands() = *command;
                   socket_.send(peer, response);
                 });
}

void ControlPath::find_command(const Peer& peer) {
  const auto& id = message_.find_command().command_id();
  commands_.find(peer, message_, id.empty() ? nullptr : history_.find(id));
}

void ControlPath::fetch(const Peer& peer) {
  ++counters_.fetches;
  if (const auto problem = archives_.problem(message_.fetch(), *sender_); !problem.empty())
    return socket_.refuse(peer, v1::INVALID_DATA, problem);
  const auto found = fetching_.find(peer.routing_id);
  const bool too_many = found != fetching_.end() && found->second >= kMaxFetchesOfAPeer;
  const std::size_t bytes = too_many ? 0 : message_.fetch().SpaceUsedLong();
  if (too_many || fetching_bytes_ + bytes > kMaxFetchingBytes) {
    ++(too_many ? counters_.fetches_too_many : counters_.fetches_too_large);
    return socket_.refuse(
        peer, v1::BUFFER_FULL,
        too_many ? "read the answers before asking for more" : "too much is being fetched, ask again");
  }
  ++fetching_[peer.routing_id];
  fetching_bytes_ += bytes;
  auto job = std::make_unique<FetchJob>();
  job->routing_id = peer.routing_id;
  job->request_id = peer.request_id;
  job->request.Swap(message_.mutable_fetch());
  job->request_bytes = bytes;
  store_.fetch(std::move(job), now_ms_);
}

void ControlPath::fetch_ended(const FetchJob& job) {
  if (const auto asked = fetching_.find(job.routing_id); --asked->second == 0) fetching_.erase(asked);
  fetching_bytes_ -= job.request_bytes;
}

void ControlPath::answer_fetches() {
  while (auto job = store_.journal().take_answer()) {
    const Peer peer{job->routing_id, job->request_id};
    archives_.answered(*job, now_ms_);
    v1::FetchRequest().Swap(&job->request);  // frees it, as Clear() would not
    fetch_ended(*job);
    if (!job->error.empty()) {
      spdlog::error("{}", job->error);
      socket_.refuse(peer, v1::INTERNAL_ERROR, job->error);
      continue;
    }
    v1::MetricsResponse response;
    response.mutable_fetch_reply()->Swap(&job->reply);
    response.mutable_fetch_reply()->set_broker_incarnation(store_.broker_incarnation());
    socket_.send(peer, response);
  }
}

void ControlPath::raise(const Peer& peer) {
  const auto session = parse_session_id(message_.session_id());
  const auto& alert = message_.alert();
  const bool of_the_bus = session && session->run == kBusRun && alert.trainer_incarnation() != 0;
  if (!session || (!of_the_bus && !roster_.knows(message_.session_id())))
    return socket_.refuse(peer, v1::INVALID_SESSION, "no trainer '" + message_.session_id() + "' is known");
  if (alert.alert_id().empty() || alert.alert_id().size() > 128 || alert.message().size() > kMaxTextBytes)
    return socket_.refuse(peer, v1::INVALID_DATA, "an alert needs an id of at most 128 bytes and a short message");
  const auto acknowledge = [this, peer] {
    v1::MetricsResponse response;
    response.mutable_ack()->set_success(true);
    socket_.send(peer, response);
  };
  if (!alerts_.add(alert)) return acknowledge();
  v1::MetricsRequest record;
  record.set_session_id(message_.session_id());
  record.set_timestamp_ms(unix_ms());
  record.set_incarnation(alert.trainer_incarnation() != 0 ? alert.trainer_incarnation()
                                                          : roster_.newest(message_.session_id()));
  *record.mutable_alert() = alert;
  if (!of_the_bus)
    if (auto row = roster_.to_store(message_.session_id(), record.incarnation())) store_.add(std::move(*row));
  store_.write({v1::KIND_ALERT, *session}, record, acknowledge);
}

// Of gaps in a trainer's tiles the broker knows its own; the rest was lost on the way from here.
void ControlPath::take_losses(const Peer& peer, std::int64_t now_ms) {
  for (const auto& loss : message_.consumer_report().tiles_lost()) {
    const auto* trainer = roster_.find(loss.session_id(), loss.incarnation());
    if (trainer == nullptr) continue;
    losses_.report({peer.routing_id, loss.session_id(), loss.incarnation()}, loss.count(), trainer->tiles_lost_on_link,
                   now_ms);
  }
}

std::size_t ControlPath::most_fetches_of_a_peer() const {
  int most = 0;
  for (const auto& [peer, fetches] : fetching_)
    most = std::max(most, fetches);
  return static_cast<std::size_t>(most);
}

void ControlPath::tick(std::int64_t now_ms) {
  now_ms_ = now_ms;
  acknowledgements_.tick(now_ms);
  commands_.tick(now_ms);
  tell_changed_demand();
  if (now_ms < next_demand_ms_) return;
  next_demand_ms_ = now_ms + kDemandEveryMs;
  send_all_demand(now_ms);
}

void ControlPath::lease(const Peer& peer, std::int64_t now_ms) {
  if (!parse_session_id(message_.session_id()))
    return socket_.refuse(peer, v1::INVALID_SESSION,
                          "a demand is for one trainer, got '" + message_.session_id() + "'");
  if (!demand_.lease(message_.session_id(), peer.routing_id, message_.demand(), now_ms)) {
    ++counters_.leases_refused;
    return socket_.refuse(peer, v1::BUFFER_FULL, "too many viewers");
  }
  send_demand(message_.session_id(), now_ms);
}

// To every trainer of this name that is there.
void ControlPath::send_demand(const std::string& session_id, std::int64_t now_ms) {
  const auto demand = demand_.demand(session_id, now_ms);
  if (!demand) return;
  v1::MetricsResponse response;
  response.set_session_id(session_id);
  *response.mutable_demand() = *demand;
  for (const auto* trainer : roster_.connected(session_id))
    if (!socket_.send(trainer->routing_id, response)) roster_.disconnected(session_id, trainer->number);
}

// A trainer connects for tiles while somebody watches them.
void ControlPath::tell_watched(const std::string& session_id, const Roster::Incarnation& trainer) {
  const auto session = parse_session_id(session_id);
  const bool watched = session && tiles_.wants(topic_text(v1::KIND_TILES, session->run, session->trainer));
  if (trainer.told_watched == watched) return;
  v1::MetricsResponse response;
  response.set_session_id(session_id);
  response.mutable_demand()->set_watched(watched);
  if (socket_.send(trainer.routing_id, response)) roster_.told_watched(session_id, trainer.number, watched);
}

void ControlPath::tell_changed_demand() {
  const std::string kind = topic_prefix(v1::KIND_TILES);
  for (const std::string& prefix : tiles_.take_changed()) {
    if (prefix.size() < kind.size()) continue;
    std::string ids = prefix.substr(kind.size());
    if (ids.find('/') != ids.rfind('/')) ids.pop_back();  // run/trainer/ of a topic is run/trainer
    for (const auto& [session_id, trainer] : roster_.connected_below(ids))
      tell_watched(session_id, *trainer);
  }
}

void ControlPath::send_all_demand(std::int64_t now_ms) {
  demand_.forget_expired(now_ms);
  demand_.each_session([&](const std::string& session_id) { send_demand(session_id, now_ms); });
}

void ControlPath::say_goodbye(const std::string& reason) {
  acknowledgements_.send_all();
  v1::MetricsResponse response;
  response.mutable_goodbye()->set_reason(reason);
  socket_.send_to_all(response);
}

}  // namespace trainbus
