#include "session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "client_record.hpp"
#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

// Acknowledgements and commands are looked for this often.
constexpr milliseconds kBusyTurn{1};
constexpr milliseconds kIdleTurn{10};

ProducerOptions producer_options(const SessionName& name, const v1::SessionInfo& info, const GatewayOptions& options) {
  ProducerOptions made;
  made.run = name.run;
  made.trainer = name.trainer;
  made.broker = options.broker;
  made.spool_dir = options.spool_dir;
  made.spool_bytes = options.spool_bytes;
  made.outbox_bytes = options.outbox_bytes;
  made.heartbeat_interval = kSessionHeartbeat;
  made.describe_environment = false;  // of this host it would be, not of the client's
  made.meter_resources = false;
  made.client_name = info.client_name().empty() ? "grpc" : clean_text(info.client_name(), kMaxNameBytes);
  made.own_threads = false;
  made.counts_refused = false;  // it is held, and the stream is not read meanwhile
  made.on_problem = [id = name.id()](const std::string& line) { spdlog::warn("{}: {}", id, line); };
  return made;
}

}  // namespace

Session::Session(const SessionName& name, const v1::SessionInfo& info, const GatewayOptions& options)
    : id_(name.id()), bus_(producer_options(name, info, options)) {
  offer_client_knobs(bus_, info.config());
  if (!info.has_config()) return;
  started_ = bus_.start(client_plan(info.config()));
}

void Session::attach(ClientStream& stream) {
  const std::lock_guard lock(mutex_);
  if (stream_ != nullptr) stream_->replaced();
  held_ = nullptr;
  half_closed_ = false;
  said_problem_.clear();
  stream_ = &stream;
}

void Session::detach(ClientStream& stream) {
  const std::lock_guard lock(mutex_);
  if (stream_ != &stream) return;
  stream_ = nullptr;
  held_ = nullptr;
  detached_at_ = Clock::now();
}

bool Session::is_of_another_start(const v1::MetricsRequest& record) const {
  const std::lock_guard lock(mutex_);
  return ended_ || (client_incarnation_ && *client_incarnation_ != record.incarnation());
}

void Session::retire() {
  const std::lock_guard lock(mutex_);
  if (stream_ != nullptr) stream_->replaced();
  stream_ = nullptr;
  held_ = nullptr;
  detached_at_ = Clock::now() - kReconnect;
}

Session::Taken Session::take(const v1::MetricsRequest& record, ClientStream& stream, v1::ErrorResponse& why) {
  const std::lock_guard lock(mutex_);
  if (stream_ != &stream) {
    why.set_code(v1::INVALID_SESSION);
    why.set_message("another stream of " + id_ + " has begun");
    return Taken::kRefused;
  }
  const Taken taken = log(record, why);
  if (taken == Taken::kFull) held_ = &record;
  return taken;
}

Session::Taken Session::log(const v1::MetricsRequest& record, v1::ErrorResponse& why) {
  if (record.session_id() != id_) {
    why.set_code(v1::INVALID_SESSION);
    why.set_message("this stream is of " + id_ + ", not of '" + clean_text(record.session_id(), 2 * kMaxNameBytes + 1) +
                    "'");
    return Taken::kRefused;
  }
  if (std::string problem = client_record_problem(record); !problem.empty()) {
    why.set_code(v1::INVALID_DATA);
    why.set_message(std::move(problem));
    return Taken::kRefused;
  }
  client_incarnation_ = record.incarnation();
  if (is_repeated(record)) return Taken::kYes;
  if (!started_ && !record.has_status_update()) started_ = bus_.start({});
  std::string bad_picture;
  const Logged logged = log_client_record(bus_, record, [&](std::string problem) { bad_picture = std::move(problem); });
  if (logged == Logged::kNoRoom) return Taken::kFull;
  if (record.has_batch_data()) {
    ++steps_;
    unacknowledged_.push_back(record.batch_data().batch_idx());
  }
  if (record.has_status_update()) {
    started_ = true;
    ended_ = training_ended(record.status_update().status());
  }
  if (record.sequence() != 0) highest_[record.payload_case()] = record.sequence();
  answer(commands_.seen(record, steps_));
  if (!bad_picture.empty() && stream_ != nullptr) stream_->respond(error(v1::INVALID_DATA, bad_picture));
  return Taken::kYes;
}

// A client that numbers its records sends again what was not acknowledged before its connection broke.
bool Session::is_repeated(const v1::MetricsRequest& record) {
  if (record.sequence() == 0 || record.sequence() > highest_[record.payload_case()]) return false;
  if (record.has_batch_data() && std::ranges::count(unacknowledged_, record.batch_data().batch_idx()) == 0 &&
      stream_ != nullptr)
    stream_->acknowledge({record.batch_data().batch_idx()});
  return true;
}

void Session::half_closed(ClientStream& stream) {
  const std::lock_guard lock(mutex_);
  if (stream_ != &stream) return;
  half_closed_ = true;
  drain_until_ = Clock::now() + kDrain;
}

Session::Clock::time_point Session::turn(Clock::time_point now) {
  bus_.poll_once(milliseconds(0));  // without the lock: what comes meanwhile is not held up
  const std::lock_guard lock(mutex_);
  const std::uint64_t stored = bus_.counters().by_kind[v1::KIND_BATCH].stored;
  std::vector<std::int32_t> acknowledged;
  for (; acknowledged_ < stored && !unacknowledged_.empty(); ++acknowledged_) {
    acknowledged.push_back(unacknowledged_.front());
    unacknowledged_.pop_front();
  }
  answer(commands_.expired(steady_ms()));
  const bool waiting = !all_stored();
  if (stream_ != nullptr) {
    if (!acknowledged.empty()) stream_->acknowledge(acknowledged);
    pass_commands(steady_ms());
    say_problem();
    v1::ErrorResponse why;
    if (held_ != nullptr && log(*held_, why) != Taken::kFull) {
      held_ = nullptr;
      stream_->read_on();
    }
    if (half_closed_ && held_ == nullptr && (!waiting || now >= drain_until_)) {
      half_closed_ = false;
      answer(commands_.stream_ended(steps_));
      stream_->end(waiting ? "the broker has not stored everything yet: it is safe in the gateway's spool" : "");
    }
  }
  return now + (waiting ? kBusyTurn : kIdleTurn);
}

void Session::answer(std::vector<v1::ControlCommand> answers) {
  for (auto& each : answers)
    bus_.answer_command(std::move(each));
}

void Session::pass_commands(std::int64_t now_ms) {
  while (auto command = bus_.take_command()) {
    v1::MetricsResponse message = response();
    *message.mutable_command() = commands_.sent(std::move(*command), now_ms);
    stream_->respond(std::move(message));
  }
}

// What the broker does not like about this trainer, or that there is no room.
void Session::say_problem() {
  std::string problem = bus_.broker_problem();
  const v1::ErrorCode code = problem.empty() ? v1::BUFFER_FULL : v1::INVALID_SESSION;
  if (problem.empty() && held_ != nullptr)
    problem = "the broker is away and the spool is full: nothing more is read until there is room";
  if (problem == said_problem_) return;
  said_problem_ = problem;
  if (!problem.empty()) stream_->respond(error(code, problem));
}

bool Session::all_stored() { return bus_.counters().in_outbox == 0; }

bool Session::over(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  return stream_ == nullptr && now >= detached_at_ + kReconnect && all_stored();
}

v1::MetricsResponse Session::response() const {
  v1::MetricsResponse message;
  message.set_session_id(id_);
  message.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  return message;
}

v1::MetricsResponse Session::error(v1::ErrorCode code, const std::string& message) const {
  v1::MetricsResponse made = response();
  made.mutable_error()->set_code(code);
  made.mutable_error()->set_message(message);
  return made;
}

}  // namespace trainbus
