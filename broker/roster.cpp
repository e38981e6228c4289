#include "broker/roster.hpp"

#include <algorithm>

#include "trainbus/incarnation.hpp"
#include "trainbus/knobs.hpp"
#include "trainbus/sockets.hpp"
#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kHeardRecentlyMs = 30'000;

bool sign_of_life(Kind kind) { return kind != v1::KIND_COMMAND && kind != v1::KIND_ALERT; }

std::size_t bytes_of_all(const Roster::Incarnation& incarnation) {
  std::size_t bytes = 0;
  for (const auto& body : incarnation.last)
    bytes += body.size();
  return bytes;
}

}  // namespace

// ---- who there is ---------------------------------------------------------------------------------------------------

// nullptr: there is no room for another one.
Roster::Session* Roster::session_for(const std::string& session_id, std::int64_t now_ms) {
  const auto known = sessions_.find(session_id);
  if (known != sessions_.end()) return &known->second;
  if (sessions_.size() >= kManySessions && !make_room(now_ms)) {
    ++refused_;
    return nullptr;
  }
  Session& session = sessions_[session_id];
  if (!read_order_) return &session;
  for (const auto& row : read_order_(session_id)) {
    session.order.restore({.incarnation = row.incarnation,
                           .order = row.order,
                           .first_heard_ms = row.first_heard_ms,
                           .stored = true,
                           .deleted = row.visibility == Visibility::kDeleted});
    session.archived = row.visibility == Visibility::kArchived ? row.incarnation : 0;
  }
  if (session.order.newest() != nullptr && left_out_ > 0) --left_out_;  // one of these is back
  return &session;
}

bool Roster::make_room(std::int64_t now_ms) {
  constexpr std::int64_t kEveryMs = 1'000;
  if (now_ms < next_make_room_ms_) return sessions_.size() < kMaxSessions;
  next_make_room_ms_ = now_ms + kEveryMs;
  std::vector<std::pair<std::int64_t, std::string>> quiet;  // last heard, session
  for (const auto& [id, session] : sessions_) {
    std::int64_t last_ms = -1;
    std::size_t bytes = 0;
    bool ended = true;
    for (const auto& [number, incarnation] : session.known) {
      last_ms = std::max(last_ms, incarnation.last_sign_ms());
      bytes += bytes_of_all(incarnation);
      ended = ended && training_ended(incarnation.status);
    }
    const bool only_hello = bytes == 0 && now_ms - last_ms >= kHelloAloneMs;
    if (only_hello || ended || now_ms - last_ms >= kQuietMs) quiet.emplace_back(last_ms, id);
  }
  constexpr std::size_t kForgottenAtOnce = kManySessions / 4;  // a look costs milliseconds
  if (quiet.size() > kForgottenAtOnce) {
    std::ranges::nth_element(quiet, quiet.begin() + kForgottenAtOnce);
    quiet.resize(kForgottenAtOnce);
  }
  for (const auto& [last_ms, id] : quiet) {
    const auto* newest = sessions_[id].order.newest();
    left_out_ += newest != nullptr && newest->stored ? 1 : 0;
    forget(id);
  }
  return sessions_.size() < kMaxSessions;
}

void Roster::set_archived(const std::string& session_id, std::uint64_t incarnation, bool archived) {
  const auto found = sessions_.find(session_id);
  if (found != sessions_.end()) found->second.archived = archived ? incarnation : 0;
}

void Roster::note_in_journal(std::size_t listed) {
  const auto known = static_cast<std::size_t>(
      std::ranges::count_if(sessions_, [](const auto& entry) { return !is_archived(entry.second); }));
  left_out_ = listed > known ? listed - known : 0;
}

void Roster::forget(const std::string& session_id) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  for (const auto& [number, incarnation] : found->second.known)
    body_bytes_ -= bytes_of_all(incarnation);
  sessions_.erase(found);
  crowded_.erase(session_id);
}

// Makes it known where it is new.
Roster::Incarnation* Roster::known(const std::string& session_id, Session& session, std::uint64_t number) {
  if (const auto found = session.known.find(number); found != session.known.end()) return &found->second;
  session.order.hear(number, unix_ms());
  auto* incarnation = know_in_full(session, number);
  if (session.known.size() > 1) crowded_.insert(session_id);
  return incarnation;
}

Roster::Incarnation* Roster::know_in_full(Session& session, std::uint64_t number) {
  const auto [place, is_new] = session.known.try_emplace(number);
  place->second.number = number;
  if (!is_new || session.known.size() <= kMaxBeside) return &place->second;
  auto quietest = session.known.end();
  for (auto at = session.known.begin(); at != session.known.end(); ++at)
    if (at != place && (quietest == session.known.end() || at->second.last_sign_ms() < quietest->second.last_sign_ms()))
      quietest = at;
  body_bytes_ -= bytes_of_all(quietest->second);
  session.known.erase(quietest);
  return &place->second;
}

// Of those that are not the newest only who is alive is known in full.
void Roster::forget_ended(Session& session, std::int64_t now_ms) {
  constexpr std::int64_t kForgetMs = 60'000;
  std::erase_if(session.known, [&](const auto& entry) {
    const auto& [number, incarnation] = entry;
    const bool stays = number == session.order.newest()->incarnation || alive(incarnation, now_ms) ||
                       (!training_ended(incarnation.status) && now_ms - incarnation.last_sign_ms() < kForgetMs);
    if (!stays) body_bytes_ -= bytes_of_all(incarnation);
    return !stays;
  });
}

// ---- what is heard --------------------------------------------------------------------------------------------------

void Roster::identify(const Topic& topic, v1::MetricsRequest& message, std::int64_t now_ms, int connection) {
  if (message.incarnation() != 0 && message.sequence() != 0) return;
  Session* session = session_for(message.session_id(), now_ms);
  if (session == nullptr) return;
  const auto* newest = session->order.newest();
  if (message.incarnation() == 0 && topic.kind == v1::KIND_ALERT && newest != nullptr)
    message.set_incarnation(newest->incarnation);
  if (message.incarnation() == 0) {
    auto& start = session->unnumbered;
    const bool is_newest = newest != nullptr && newest->incarnation == start.incarnation();
    if (start.another_begins(topic.kind, message, is_newest, now_ms)) start = UnnumberedStart(new_incarnation());
    start.take(message, now_ms);
    if (topic.kind == v1::KIND_BATCH && start.from_two_places(connection, now_ms))
      shared_.note(message.session_id(), start.incarnation(), now_ms);
    message.set_incarnation(start.incarnation());
    message.clear_sequence();
  }
  if (is_kept(topic.kind)) ++known(message.session_id(), *session, message.incarnation())->unnumbered;
}

bool Roster::heard(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body,
                   std::int64_t now_ms, bool by_control) {
  const auto number = message.incarnation();
  if (number == 0) return false;
  Session* session = session_for(message.session_id(), now_ms);
  if (session == nullptr) return false;
  const auto* place = session->order.find(number);
  if (place != nullptr && place->deleted) return false;
  const bool to_store = is_kept(topic.kind) && (place == nullptr || !place->stored);
  if (!trainbus::sign_of_life(topic.kind)) return to_store;
  const bool brought = place != nullptr && place->brought;
  if (brought && session->order.newest()->incarnation != number) return to_store;
  Incarnation& incarnation = *known(message.session_id(), *session, number);
  if (topic.kind == v1::KIND_TILES) {
    count_tiles(incarnation, message.sequence());
    return false;
  }
  if (topic.kind == v1::KIND_HEARTBEAT) {
    incarnation.by_control_only = by_control;
    incarnation.last_heartbeat_ms = now_ms;
    incarnation.skew.take(message.timestamp_ms(), unix_ms());
  }
  if (!brought) sign_of_life(incarnation, topic.kind, now_ms);
  note(incarnation, topic.kind, message, body, unix_ms());
  return to_store;
}

void Roster::count_tiles(Incarnation& incarnation, std::uint64_t sequence) {
  ++incarnation.tiles_in;
  const auto expected = incarnation.tiles_sequence + 1;
  if (incarnation.tiles_sequence != 0 && sequence > expected) {
    incarnation.tiles_lost_on_link += sequence - expected;
    tiles_lost_on_link_ += sequence - expected;
  }
  incarnation.tiles_sequence = std::max(incarnation.tiles_sequence, sequence);
}

void Roster::sign_of_life(Incarnation& incarnation, Kind kind, std::int64_t now_ms) {
  if (kind != v1::KIND_HEARTBEAT) incarnation.last_record_ms = now_ms;
  if (incarnation.began_ms < 0) incarnation.began_ms = now_ms;
  incarnation.gone = false;
}

void Roster::note(Incarnation& incarnation, Kind kind, const v1::MetricsRequest& message, const zmq::message_t& body,
                  std::int64_t taken_in_ms) {
  if (kind == v1::KIND_MEDIA) return;  // up to 1 MiB each, and nothing a list shows
  if (message.has_status_update()) {
    incarnation.status = message.status_update().status();
    const auto& knobs = message.status_update().config().knobs();
    if (message.status_update().has_config())
      incarnation.knobs.assign(knobs.begin(), knobs.begin() + std::min<int>(knobs.size(), kMaxKnobs));
  }
  std::string without_names;
  std::string_view bytes = bytes_of(body);
  if (kind == v1::KIND_STATUS) {
    incarnation.class_names = class_names_.take_out(message, without_names);
    if (incarnation.class_names) bytes = without_names;
  }
  incarnation.taken_in_ms[static_cast<std::size_t>(kind)] = taken_in_ms;
  std::string& last = incarnation.last[static_cast<std::size_t>(kind)];
  body_bytes_ -= last.size();
  last.assign(body_bytes_ + bytes.size() <= kMaxBodyBytes ? bytes : std::string_view{});
  body_bytes_ += last.size();
  bodies_left_out_ += last.empty() ? 1 : 0;
}

void Roster::restore(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body,
                     std::int64_t taken_in_ms) {
  if (!trainbus::sign_of_life(topic.kind)) return;
  Session* session = session_for(message.session_id(), 0);
  if (session == nullptr) return;
  session->order.hear(message.incarnation(), unix_ms());
  if (session->order.newest()->incarnation != message.incarnation()) return;
  std::erase_if(session->known, [&](const auto& entry) {
    const bool older = entry.first != message.incarnation();
    if (older) body_bytes_ -= bytes_of_all(entry.second);
    return older;
  });
  note(*know_in_full(*session, message.incarnation()), topic.kind, message, body, taken_in_ms);
}

bool Roster::hello(const v1::MetricsRequest& hello, const std::string& routing_id, std::int64_t now_ms) {
  Session* session = session_for(hello.session_id(), now_ms);
  if (session == nullptr) return false;
  Incarnation& incarnation = *known(hello.session_id(), *session, hello.incarnation());
  session->order.set_brought(hello.incarnation(), false);
  for (auto& [number, other] : session->known)
    if (number != hello.incarnation() && other.routing_id == routing_id) {  // who speaks here now is another one
      other.routing_id.clear();
      other.gone = true;
    }
  incarnation.routing_id = routing_id;
  incarnation.told_watched.reset();
  incarnation.client_name = clipped(hello.hello().session().client_name(), kMaxClientNameBytes);
  incarnation.skew.take(hello.timestamp_ms(), unix_ms());
  sign_of_life(incarnation, v1::KIND_UNKNOWN, now_ms);
  return true;
}

void Roster::deliver(const std::string& session_id, std::uint64_t incarnation, std::uint64_t deliverer,
                     std::int64_t now_ms) {
  Session* session = session_for(session_id, now_ms);
  if (session == nullptr) return;
  session->order.hear_delivered(incarnation, deliverer, unix_ms());
  session->order.set_brought(incarnation, true);
}

std::optional<IncarnationRow> Roster::to_store(const std::string& session_id, std::uint64_t incarnation) {
  const auto session = sessions_.find(session_id);
  const auto name = parse_session_id(session_id);
  if (session == sessions_.end() || !name) return std::nullopt;
  const auto& heard = session->second.order.hear(incarnation, unix_ms());
  if (heard.stored) return std::nullopt;
  session->second.order.set_stored(incarnation);
  return IncarnationRow{*name, incarnation, heard.order, heard.first_heard_ms};
}

void Roster::gave_up(const Topic& topic, std::uint64_t incarnation, std::uint64_t count) {
  if (auto* found = in_full(topic.session.id(), incarnation))
    found->lost[static_cast<std::size_t>(topic.kind)] += count;
}

void Roster::told_watched(const std::string& session_id, std::uint64_t incarnation, bool watched) {
  if (auto* found = in_full(session_id, incarnation)) found->told_watched = watched;
}

void Roster::disconnected(const std::string& session_id, std::uint64_t incarnation) {
  if (auto* found = in_full(session_id, incarnation)) {
    found->routing_id.clear();
    found->gone = true;
  }
}

// ---- who is alive ---------------------------------------------------------------------------------------------------

bool Roster::alive(const Incarnation& incarnation, std::int64_t now_ms) {
  const auto last = incarnation.last_sign_ms();
  return !training_ended(incarnation.status) && !incarnation.gone && incarnation.began_ms >= 0 &&
         now_ms - last < kLiveMs;
}

// One that was there before the last start may only look alive: it was killed, and the other is its restart. Its
// connection tells, or that it goes on.
std::vector<const Roster::Incarnation*> Roster::live(const Session& session, std::int64_t now_ms) {
  std::vector<const Incarnation*> live;
  std::int64_t latest_began_ms = -1;
  for (const auto& heard : session.order.all()) {
    const auto known = session.known.find(heard.incarnation);
    if (known == session.known.end() || !alive(known->second, now_ms)) continue;
    live.push_back(&known->second);
    latest_began_ms = std::max(latest_began_ms, known->second.began_ms);
  }
  std::erase_if(live, [&](const Incarnation* one) {
    return one->began_ms < latest_began_ms && one->routing_id.empty() &&
           one->last_sign_ms() < latest_began_ms + kInFlightMs;
  });
  return live;
}

std::vector<const Roster::Incarnation*> Roster::live(const std::string& session_id, std::int64_t now_ms) const {
  const auto found = sessions_.find(session_id);
  return found == sessions_.end() ? std::vector<const Incarnation*>{} : live(found->second, now_ms);
}

std::vector<Roster::Crowd> Roster::crowds(std::int64_t now_ms) {
  std::vector<Crowd> crowds;
  for (auto id = crowded_.begin(); id != crowded_.end();) {
    Session& session = sessions_[*id];
    forget_ended(session, now_ms);
    Crowd crowd{*id, live(session, now_ms)};
    std::int64_t latest_began_ms = -1;
    for (const auto* one : crowd.live)
      latest_began_ms = std::max(latest_began_ms, one->began_ms);
    crowd.overlap = crowd.live.size() > 1 && std::ranges::count_if(crowd.live, [&](const auto* one) {
                                               return one->last_sign_ms() >= latest_began_ms + kInFlightMs;
                                             }) > 1;
    crowds.push_back(std::move(crowd));
    id = session.known.size() > 1 ? std::next(id) : crowded_.erase(id);
  }
  return crowds;
}

// ---- questions ------------------------------------------------------------------------------------------------------

Roster::Incarnation* Roster::in_full(const std::string& session_id, std::uint64_t incarnation) {
  const auto session = sessions_.find(session_id);
  if (session == sessions_.end()) return nullptr;
  const auto found = session->second.known.find(incarnation);
  return found == session->second.known.end() ? nullptr : &found->second;
}

const Roster::Incarnation* Roster::find(const std::string& session_id, std::uint64_t incarnation) const {
  return const_cast<Roster*>(this)->in_full(session_id, incarnation);
}

std::uint64_t Roster::newest(const std::string& session_id) const {
  const auto session = sessions_.find(session_id);
  const auto* newest = session == sessions_.end() ? nullptr : session->second.order.newest();
  return newest == nullptr ? 0 : newest->incarnation;
}

std::vector<const Roster::Incarnation*> Roster::connected(const std::string& session_id) const {
  std::vector<const Incarnation*> connected;
  if (const auto session = sessions_.find(session_id); session != sessions_.end())
    for (const auto& [number, incarnation] : session->second.known)
      if (!incarnation.routing_id.empty()) connected.push_back(&incarnation);
  return connected;
}

std::vector<std::pair<std::string, const Roster::Incarnation*>> Roster::connected_below(
    const std::string& prefix) const {
  std::vector<std::pair<std::string, const Incarnation*>> connected;
  for (auto at = sessions_.lower_bound(prefix); at != sessions_.end() && at->first.starts_with(prefix); ++at)
    for (const auto& [number, incarnation] : at->second.known)
      if (!incarnation.routing_id.empty()) connected.emplace_back(at->first, &incarnation);
  return connected;
}

std::vector<std::string> Roster::matching(const std::string& session_id) const {
  std::vector<std::string> found;
  const bool whole_run = session_id.ends_with("/*");
  const std::string_view prefix = std::string_view(session_id).substr(0, session_id.size() - (whole_run ? 1 : 0));
  for (const auto& [id, session] : sessions_)
    if (session_id.empty() || id == session_id || (whole_run && id.starts_with(prefix))) found.push_back(id);
  return found;
}

TargetFacts Roster::target_facts(const std::string& session_id, std::uint64_t expected, std::int64_t now_ms) const {
  const auto alive = live(session_id, now_ms);
  TargetFacts facts{.incarnation = newest(session_id)};
  const bool named = std::ranges::any_of(alive, [&](const auto* one) { return one->number == expected; });
  if (named) facts.incarnation = expected;
  if (expected == 0 && alive.size() == 1) facts.incarnation = alive.front()->number;
  if (expected == 0 && alive.size() > 1) {
    std::string names;
    for (const auto* one : alive)
      names += (names.empty() ? "" : " and ") + incarnation_address(session_id, one->number);
    facts.refusal = std::to_string(alive.size()) + " trainers of this name are alive, name one: " + names;
  }
  const auto* one = find(session_id, facts.incarnation);
  if (one == nullptr) return facts;
  facts.ended = training_ended(one->status);
  facts.heard_recently = one->began_ms >= 0 && now_ms - one->last_sign_ms() < kHeardRecentlyMs;
  return facts;
}

std::string Roster::refusal(const std::string& session_id, std::uint64_t incarnation,
                            const v1::ControlCommand& command) const {
  const Incarnation* trainer = find(session_id, incarnation);
  const std::string name = command_knob(command);
  if (trainer == nullptr || name.empty()) return {};
  const auto knob = std::ranges::find(trainer->knobs, name, &v1::Knob::name);
  if (knob != trainer->knobs.end()) return knob_value_problem(*knob, command_value_text(command));
  if (command.type() != v1::SET_KNOB) return {};  // may be taken by who declares nothing
  std::string offered;
  for (const auto& other : trainer->knobs)
    offered += (offered.empty() ? "" : ", ") + other.name();
  return "no knob '" + name + "'; " + (offered.empty() ? "this trainer offers none" : "this trainer offers " + offered);
}

}  // namespace trainbus
