#include "record_lane.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "bus_context.hpp"
#include "record_encoder.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/sockets.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// So that a burst does not keep commands waiting.
constexpr Outbox::Burst kPublishedPerTurn{4096, 4 << 20};
constexpr Outbox::Burst kResentPerTurn{256, 1 << 20};
constexpr int kMaxReadPerTurn = 256;

constexpr seconds kHelloInterval{1};
constexpr seconds kQuiet{5};        // after so long without a word from the broker it is greeted again
constexpr seconds kUnreachable{8};  // and after so long it is not there
// Publishing waits for the broker's subscription, because what comes before it is dropped. After so long without one
// the control port takes the records: more than may lie between the ends of two connections that broke together.
constexpr seconds kOpening{3};
constexpr std::size_t kMaxBrokerIdBytes = 64;
constexpr milliseconds kMaxLease{3'600'000};
// A broker that does not say by then whether somebody watches never does.
constexpr seconds kSaysWatched{2};
constexpr std::uint64_t kHelloId = 1;  // request_ids; others have none
constexpr std::uint64_t kAlertId = 2;

}  // namespace

RecordLane::RecordLane(zmq::context_t& context, TrainerState& state, const std::optional<KeyFile>& key)
    : state_(state),
      broker_(context, state.options.broker, state.session.id(), key),
      outbox_({state.options.outbox_records, state.options.outbox_bytes}, {}),
      key_doubt_(parse_endpoints(state.options.broker).control(), key),
      limit_alert_(state.incarnation),
      reports_(state, limit_alert_) {
  const std::string id = state.session.id();
  for (const Kind kind : kAllKinds)
    topics_[kind] = topic_text(kind, state.session.run, state.session.trainer);
  record_.set_session_id(id);
  record_.set_incarnation(state.incarnation);
  request_ = record_;
  limit_tiles(0, 0);
}

void RecordLane::poll_once(milliseconds timeout) {
  try {
    turn(timeout);
  } catch (const std::exception&) {
    // An interrupted call, or no memory; the next turn goes on where this one stopped.
  }
}

void RecordLane::finish(milliseconds linger) {
  poll_once(milliseconds(0));
  try {
    send_heartbeat(Clock::now());
    if (broker_.linked()) send_alert(limit_alert_.end(Clock::now()));
    broker_.set_linger(linger);
  } catch (const zmq::error_t&) {
    // The heartbeat is one that may be lost.
  }
  reports_.turn(Clock::now(), true);
}

void RecordLane::turn(milliseconds timeout) {
  const bool linked_anew = broker_.turn(more_ && !outbox_.full() ? milliseconds(0) : timeout);
  const auto now = Clock::now();
  if (linked_anew) on_link(now);
  if (const auto problem = key_doubt_.turn(broker_.linked() || broker_.away(now), now))
    refused_by_broker(*problem, now);
  if (broker_.control_readable()) read_control(now);
  choose_way(now);
  take_logged(now);
  send_records(now);
  send_left_behind(now);
  report_commands();
  if (now >= next_heartbeat_ && (by_control_ || broker_.subscribed(topics_[v1::KIND_HEARTBEAT]))) send_heartbeat(now);
  if (broker_.linked() && now >= next_hello_ && (!welcomed_ || now - last_heard_ >= kQuiet)) send_hello(now);
  if (broker_.linked() && welcomed_) send_alert(limit_alert_.due(now));
  if (now >= demand_until_) limit_tiles(0, 0);
  state_.connected.store(broker_.linked() && welcomed_ && now - last_heard_ < kUnreachable, std::memory_order_relaxed);
  for (const Kind kind : kTrainerKinds)
    state_.stored[kind].store(outbox_.stored(kind), std::memory_order_release);
  auto oldest = outbox_.oldest_segment();
  if (!oldest && next_taken_ < taken_.size()) oldest = taken_[next_taken_].segment;
  state_.spool->release(oldest);
  state_.spool->prepare();
  if (welcomed_ && !watched_said_ && now - welcomed_at_ > kSaysWatched)
    state_.tiles_wanted.store(true, std::memory_order_relaxed);
  reports_.turn(now);
}

void RecordLane::on_link(Clock::time_point now) {
  welcomed_ = false;
  relinked_ = true;
  next_hello_ = now;
  state_.ever_linked.store(true, std::memory_order_relaxed);
}

// A broker that is there subscribes to everything but tiles as soon as the data port is reached.
void RecordLane::choose_way(Clock::time_point now) {
  if (broker_.subscribed() || !welcomed_ || !broker_.linked()) subscribed_at_ = now;
  const bool by_control = now - std::max(subscribed_at_, welcomed_at_) > kOpening;
  if (std::exchange(by_control_, by_control) == by_control || !by_control) return;
  next_heartbeat_ = now;
  const Endpoints endpoints = parse_endpoints(state_.options.broker);
  state_.problems.report(Problems::kConnection,
                         endpoints.data_in() + " does not answer" +
                             (data_port_problem_.empty() ? "" : " (" + data_port_problem_ + ")") + ", " +
                             endpoints.control() + " does: records and heartbeats go there, tiles do not",
                         now);
}

void RecordLane::read_control(Clock::time_point now) {
  for (int count = 0; count < kMaxReadPerTurn && receive_message(broker_.control(), frames_); ++count) {
    if (frames_.size() != 1 || decode_control(bytes_of(frames_[0]), response_) != WireError::kNone) continue;
    last_heard_ = now;
    if (response_.request_id() == kAlertId) {
      limit_alert_.answered();
      continue;
    }
    switch (response_.payload_case()) {
      case v1::MetricsResponse::kWelcome: on_welcome(response_.welcome(), now); break;
      case v1::MetricsResponse::kAck:
        if (response_.ack().incarnation() == state_.incarnation)
          acknowledge(response_.ack().stored(), now);
        else if (left_behind_)
          left_behind_->acknowledge(response_.session_id(), response_.ack(), now);
        break;
      case v1::MetricsResponse::kCommand: state_.commands.receive(response_.command(), steady_ms()); break;
      case v1::MetricsResponse::kDemand: on_demand(response_.demand(), now); break;
      case v1::MetricsResponse::kError: on_error(now); break;
      case v1::MetricsResponse::kGoodbye:
        welcomed_ = false;
        next_hello_ = now + kHelloInterval;
        break;
      default: break;
    }
  }
}

void RecordLane::on_welcome(const v1::Welcome& welcome, Clock::time_point now) {
  // 0: a broker from before versions were said.
  if (welcome.wire_version() != 0 && welcome.wire_version() != kWireVersion) {
    welcomed_ = false;
    return refused_by_broker("it speaks version " + std::to_string(welcome.wire_version()) +
                                 " of the wire, this trainer " + std::to_string(kWireVersion),
                             now);
  }
  refused_by_broker({}, now);
  broker_.welcomed();
  data_port_problem_ = clean_text(welcome.session().message(), kMaxTextBytes);
  note_names(welcome, now);
  acknowledge(welcome.stored(), now);
  if (!welcomed_) welcomed_at_ = now;
  welcomed_ = true;
  const bool other_broker = welcome.broker_incarnation() != broker_incarnation_;
  broker_incarnation_ = welcome.broker_incarnation();
  if (other_broker) {
    outbox_.resend_all();
    if (left_behind_) left_behind_->resend_all();
  }
  if (!left_behind_)
    left_behind_.emplace(state_.options.spool_dir, state_.session,
                         SpoolDelivery::Broker{state_.options.broker, broker_id_}, state_.incarnation);
  if (other_broker || relinked_) {
    state_.commands.report_again();
    next_heartbeat_ = now;
  }
  relinked_ = false;
}

void RecordLane::note_names(const v1::Welcome& welcome, Clock::time_point now) {
  broker_id_ = clean_text(welcome.broker_id(), kMaxBrokerIdBytes);
  state_.spool->set_broker_id(broker_id_);
  if (welcome.other_live().empty()) return;
  const std::string id = state_.session.id();
  std::string others;
  for (const std::uint64_t other : welcome.other_live())
    if (others.size() < kMaxTextBytes / 2) others += (others.empty() ? "" : ", ") + incarnation_address(id, other);
  state_.problems.report(Problems::kNames,
                         "another trainer named " + id + " is alive: " + others +
                             "; commands must name one, this one is " + incarnation_address(id, state_.incarnation),
                         now);
}

// An answer to our hello is a refusal of this trainer; any other one refuses a record, or asks for a hello.
void RecordLane::on_error(Clock::time_point now) {
  const v1::ErrorResponse& error = response_.error();
  if (error.code() == v1::INVALID_SESSION) welcomed_ = false;
  if (response_.request_id() == kHelloId) {
    welcomed_ = false;
    refused_by_broker(error.message(), now);
    if (error.code() == v1::BUFFER_FULL) broker_.refused(now);
  } else if (error.code() != v1::INVALID_SESSION) {
    state_.problems.report(
        Problems::kBroker,
        "the broker refuses records of this trainer, which wait: " + clean_text(error.message(), kMaxTextBytes), now);
  }
}

void RecordLane::refused_by_broker(const std::string& reason, Clock::time_point now) {
  std::string problem = reason.empty() ? "" : "the broker refuses this trainer: " + clean_text(reason, kMaxTextBytes);
  {
    const std::lock_guard lock(state_.broker_problem_mutex);
    if (state_.broker_problem == problem) return;
    state_.broker_problem = problem;
  }
  if (!problem.empty()) state_.problems.report(Problems::kBroker, std::move(problem), now);
}

void RecordLane::on_demand(const v1::Demand& demand, Clock::time_point now) {
  if (demand.has_watched()) {
    watched_said_ = true;
    state_.tiles_wanted.store(demand.watched(), std::memory_order_relaxed);
    if (demand.lease_ms() == 0) return;
  }
  limit_tiles(demand.max_rate_hz(), demand.max_pixels());
  demand_until_ = now + std::clamp(milliseconds(demand.lease_ms()), milliseconds(0), kMaxLease);
}

// 0: nothing stated, what the options allow.
void RecordLane::limit_tiles(double max_rate_hz, int max_pixels) {
  const double most_hz = state_.options.max_tile_rate_hz;
  const int most_pixels = state_.options.tile_pixels;
  state_.tiles.set_max_rate(max_rate_hz > 0 && !(most_hz > 0 && most_hz < max_rate_hz) ? max_rate_hz : most_hz);
  state_.tiles.set_max_pixels(max_pixels > 0 ? std::min(max_pixels, most_pixels) : most_pixels);
  demand_until_ = Clock::time_point::max();
}

void RecordLane::acknowledge(const google::protobuf::RepeatedPtrField<v1::KindPosition>& stored,
                             Clock::time_point now) {
  for (const v1::KindPosition& position : stored)
    outbox_.acknowledge(position.kind(), position.sequence(), now);
}

void RecordLane::take_logged(Clock::time_point now) {
  more_ = false;
  if (outbox_.full()) return;
  if (next_taken_ == taken_.size()) {
    taken_.clear();
    next_taken_ = 0;
    more_ = state_.spool->take(taken_, kPublishedPerTurn.records);
  }
  for (; next_taken_ < taken_.size(); ++next_taken_) {
    const RecordSpool::Record& record = taken_[next_taken_];
    if (record.bytes.empty() && record.sequence > highest_[record.kind]) {
      if (!take_gone(record, now)) return;
    } else if (!record.bytes.empty()) {
      outbox_.push(record.kind, record.sequence, record.bytes, record.segment);
      highest_[record.kind] = record.sequence;
    }
  }
}

// False when it has to wait: all before it is stored first, so that nothing is called gone that still waits.
bool RecordLane::take_gone(const RecordSpool::Record& gone, Clock::time_point now) {
  if (outbox_.front(gone.kind) != 0) return false;
  state_.lost[gone.kind].fetch_add(gone.sequence - highest_[gone.kind], std::memory_order_relaxed);
  highest_[gone.kind] = gone.sequence;
  outbox_.gone(gone.kind, gone.sequence);
  if (broker_.linked()) send_hello(now);  // says so to the broker; else the next one does
  return true;
}

void RecordLane::send_records(Clock::time_point now) {
  if (!broker_.linked() || !welcomed_ || outbox_.empty()) return;
  const auto to = [this](zmq::socket_t& socket) {
    return [this, &socket](Kind kind, std::string_view record) {
      return send_record(socket, topics_[kind], zmq::message_t(record.data(), record.size()));
    };
  };
  const std::size_t resent = outbox_.resend_due(now, Outbox::kPatience, kResentPerTurn, to(broker_.control()));
  state_.resent.fetch_add(resent, std::memory_order_relaxed);
  if (by_control_)
    outbox_.send_new(now, kResentPerTurn, to(broker_.control()));
  else if (broker_.subscribed())
    outbox_.send_new(now, kPublishedPerTurn, to(broker_.data()));
}

void RecordLane::send_left_behind(Clock::time_point now) {
  if (!left_behind_ || (left_behind_->done() && !state_.recovering.load(std::memory_order_relaxed))) return;
  if (broker_.linked() && welcomed_)
    left_behind_->send(
        now, kResentPerTurn,
        [this](const std::string& topic, std::string_view record) {
          return send_record(broker_.control(), topic, zmq::message_t(record.data(), record.size()));
        },
        [this](v1::MetricsRequest& hello) { return send_control(hello); });
  for (; refused_lives_told_ < left_behind_->refused().size(); ++refused_lives_told_)
    state_.problems.report(Problems::kLeftBehind, left_behind_->refused()[refused_lives_told_], now);
  state_.recovered.store(left_behind_->delivered(), std::memory_order_relaxed);
  state_.recovering.store(!left_behind_->done(), std::memory_order_relaxed);
}

void RecordLane::report_commands() {
  if (!broker_.linked()) return;
  for (auto& report : state_.commands.take_reports(steady_ms()))
    unsent_reports_.push_back(std::move(report));
  std::size_t sent = 0;
  for (; sent < unsent_reports_.size(); ++sent) {
    *request_.mutable_command_report() = unsent_reports_[sent];
    if (!send_control(request_)) break;
  }
  unsent_reports_.erase(unsent_reports_.begin(), unsent_reports_.begin() + static_cast<std::ptrdiff_t>(sent));
}

void RecordLane::send_hello(Clock::time_point now) {
  next_hello_ = now + kHelloInterval;
  v1::Hello& hello = *request_.mutable_hello();
  hello.set_wire_version(kWireVersion);
  v1::SessionInfo& info = *hello.mutable_session();
  info.set_session_id(request_.session_id());
  info.set_client_name(clean_text(state_.options.client_name, 128));
  info.set_client_version(TRAINBUS_VERSION);
  info.set_timestamp_ms(unix_ms());
  write_highest(*hello.mutable_highest());
  hello.clear_stored();
  for (const Kind kind : kTrainerKinds) {
    if (outbox_.stored(kind) == 0) continue;
    v1::KindPosition& position = *hello.add_stored();
    position.set_kind(kind);
    position.set_sequence(outbox_.stored(kind));
  }
  request_.set_request_id(kHelloId);
  send_control(request_);
  request_.clear_request_id();
}

void RecordLane::send_alert(const v1::Alert* alert) {
  if (alert == nullptr) return;
  *request_.mutable_alert() = *alert;
  request_.set_request_id(kAlertId);
  send_control(request_);
  request_.clear_request_id();
}

void RecordLane::send_heartbeat(Clock::time_point now) {
  next_heartbeat_ = now + state_.options.heartbeat_interval;
  const std::uint64_t sequence = ++highest_[v1::KIND_HEARTBEAT];
  const std::int64_t now_ms = unix_ms();
  record_.set_sequence(sequence);
  record_.set_timestamp_ms(now_ms);
  v1::Heartbeat& heartbeat = *record_.mutable_heartbeat();
  heartbeat.Clear();
  heartbeat.set_timestamp_ms(now_ms);
  heartbeat.set_sequence_number(static_cast<std::uint32_t>(sequence));
  heartbeat.set_step(state_.progress.step());
  heartbeat.set_since_last_step_ms(state_.progress.since_last_step(now).count());
  heartbeat.set_next_checkin_ms(state_.progress.promise_left(now).count());
  write_highest(*heartbeat.mutable_highest());
  *heartbeat.mutable_tiles() = state_.tiles.ledger();
  const std::string bytes = record_.SerializeAsString();
  if (by_control_ && !broker_.linked()) return;
  send_record(by_control_ ? broker_.control() : broker_.data(), topics_[v1::KIND_HEARTBEAT],
              zmq::message_t(bytes.data(), bytes.size()));
}

bool RecordLane::send_control(v1::MetricsRequest& message) {
  message.set_timestamp_ms(unix_ms());
  const std::string bytes = message.SerializeAsString();
  zmq::message_t frame(bytes.data(), bytes.size());
  return broker_.control().send(frame, zmq::send_flags::dontwait).has_value();
}

template <class Positions>
void RecordLane::write_highest(Positions& positions) const {
  positions.Clear();
  for (const Kind kind : kTrainerKinds) {
    if (highest_[kind] == 0) continue;
    v1::KindPosition& position = *positions.Add();
    position.set_kind(kind);
    position.set_sequence(highest_[kind]);
  }
}

}  // namespace trainbus
