#include "broker/broker.hpp"

#include <malloc.h>

#include <array>
#include <chrono>
#include <utility>

#include "trainbus/bus_session.hpp"

namespace trainbus {
namespace {

std::string with_reason(const char* name, WireError error) {
  return std::string(name) + "{reason=\"" + std::string(wire_error_name(error)) + "\"}";
}

void add_rejected(v1::BrokerStats& stats, const char* name, const RejectCounters& rejected) {
  for (std::size_t i = 1; i < rejected.size(); ++i)
    (*stats.mutable_counters())[with_reason(name, static_cast<WireError>(i))] = rejected[i];
}

}  // namespace

Broker::Broker(const BrokerOptions& options)
    : folder_(options.state_dir),
      context_(options.io_threads),
      sockets_(bind_sockets(context_, parse_endpoints(options.listen))),
      data_(sockets_.xsub, sockets_.xpub),
      store_(
          context_, folder_.journal_path(), options.durability, options.retention,
          [this](const std::string& topic, zmq::message_t body) { data_.publish(topic, std::move(body)); },
          [this](const Topic& topic, const v1::MetricsRequest& message, zmq::message_t body) {
            if (message.has_command()) registry_.restore(message.session_id(), message.command());
            roster_.restore(topic, message, std::move(body));
          }),
      control_(sockets_.router, store_, roster_, registry_, alerts_, [this] { return stats(); }) {
  data_.attach(store_, roster_);
  news_.stored = [this](const Stream& stream) { control_.owe_ack(stream); };
  news_.gave_up = [this](const LostRecords& lost) {
    roster_.gave_up(lost.stream->topic, lost.stream->incarnation, lost.last - lost.first + 1);
  };
  news_.failing = [this](const std::string& error) { say_journal_health(true, error); };
  news_.healed = [this] { say_journal_health(false, "the journal works again"); };
}

void Broker::say_journal_health(bool failing, const std::string& message) {
  const Topic topic{v1::KIND_ALERT, bus_session("broker")};
  v1::MetricsRequest record;
  record.set_session_id(topic.session.id());
  record.set_timestamp_ms(unix_ms());
  auto* alert = record.mutable_alert();
  alert->set_alert_id(new_command_id());
  alert->set_rule("journal_failing");
  alert->set_message(message);
  alert->set_active(failing);
  alert->set_timestamp_ms(record.timestamp_ms());
  store_.write_now(topic, record);
}

void Broker::stop(std::chrono::milliseconds limit) {
  constexpr auto kQuiet = std::chrono::milliseconds(100);
  const auto until = std::chrono::steady_clock::now() + limit;
  auto quiet_since = std::chrono::steady_clock::now();
  for (auto seen = data_.counters().messages_in; std::chrono::steady_clock::now() < until;) {
    poll_once(std::chrono::milliseconds(10));
    if (std::exchange(seen, data_.counters().messages_in) != data_.counters().messages_in || !store_.idle())
      quiet_since = std::chrono::steady_clock::now();
    if (std::chrono::steady_clock::now() - quiet_since >= kQuiet) break;
  }
  control_.say_goodbye("the broker is stopping");
}

void Broker::poll_once(std::chrono::milliseconds timeout) {
  std::array<zmq::pollitem_t, 5> items{{{sockets_.xsub.handle(), 0, ZMQ_POLLIN, 0},
                                        {sockets_.xpub.handle(), 0, ZMQ_POLLIN, 0},
                                        {sockets_.router.handle(), 0, ZMQ_POLLIN, 0},
                                        {store_.journal().outcomes_socket().handle(), 0, ZMQ_POLLIN, 0},
                                        {store_.journal().answers_socket().handle(), 0, ZMQ_POLLIN, 0}}};
  const int ready = zmq_poll(items.data(), static_cast<int>(items.size()), timeout.count());  // EINTR: nothing to do
  const std::int64_t now_ms = steady_ms();
  if (ready == 0) give_back_memory(now_ms);
  data_.forward_subscriptions();
  data_.forward_data(now_ms);
  control_.answer(now_ms);
  store_.turn(now_ms, news_);
  control_.answer_fetches();
  control_.tick(now_ms);
}

// What a flood was kept in is freed in small pieces, and what is in use between them keeps the allocator from giving
// their pages back by itself.
void Broker::give_back_memory(std::int64_t now_ms) {
  if (now_ms < next_memory_look_ms_) return;
  next_memory_look_ms_ = now_ms + kMemoryLookEveryMs;
  if (mallinfo2().fordblks >= kGiveBackBytes) malloc_trim(0);
}

v1::BrokerStats Broker::stats() const {
  v1::BrokerStats stats;
  stats.set_broker_incarnation(store_.broker_incarnation());
  auto& counters = *stats.mutable_counters();
  const auto& data = data_.counters();
  counters["data_messages_in_total"] = data.messages_in;
  counters["data_bytes_in_total"] = data.bytes_in;
  counters["data_messages_out_total"] = data.messages_out;
  counters["tiles_in_total"] = data.tiles_in;
  counters["heartbeats_in_total"] = data.heartbeats_in;
  counters["refused_total{reason=\"too_many_streams\"}"] = data.too_many_streams;
  counters["refused_total{reason=\"too_many_demanded\"}"] = data.too_many_demanded;
  counters["refused_total{reason=\"too_many_sessions\"}"] = roster_.refused();
  counters["subscription_events_total"] = data.subscriptions;
  add_rejected(stats, "data_rejected_total", data.rejected);
  const auto& intake = store_.intake().counters();
  counters["records_accepted_total"] = intake.accepted;
  counters["records_duplicate_total"] = intake.duplicates;
  counters["records_impossible_total"] = intake.impossible;
  counters["records_held_total"] = intake.held;
  counters["records_refused_total"] = intake.refused;
  counters["records_forgotten_total"] = intake.forgotten;
  counters["records_lost_total"] = intake.lost;
  const auto& control = control_.counters();
  counters["control_requests_total"] = control.requests;
  counters["control_resent_records_total"] = control.resent_records;
  counters["control_hellos_total"] = control.hellos;
  counters["control_acks_total"] = control.acks;
  counters["control_fetches_total"] = control.fetches;
  counters["control_fetches_refused_total"] = control.fetches_refused;
  counters["control_errors_total"] = control.errors_answered;
  counters["control_unreachable_total"] = control.unreachable;
  counters["commands_issued_total"] = control.commands_issued;
  counters["commands_refused_total"] = control.commands_refused;
  add_rejected(stats, "control_rejected_total", control.rejected);
  std::uint64_t lost_on_link = 0;
  for (const auto& [id, session] : roster_.sessions())
    lost_on_link += session.tiles_lost_on_link;
  counters["tiles_lost_on_link_total"] = lost_on_link;
  const auto& journal = const_cast<Broker*>(this)->store_.journal().gauges();
  counters["journal_commits_total"] = journal.commits;
  counters["journal_records_total"] = journal.rows;
  counters["journal_retired_total"] = journal.retired;
  counters["journal_damaged_total"] = journal.damaged;
  auto& gauges = *stats.mutable_gauges();
  gauges["journal_commit_seconds_total"] = static_cast<double>(journal.commit_us) / 1e6;
  gauges["journal_waiting_records"] = static_cast<double>(journal.waiting_rows);
  gauges["journal_failing"] = journal.failing ? 1 : 0;
  gauges["intake_waiting_bytes"] = static_cast<double>(intake.waiting_bytes);
  gauges["sessions"] = static_cast<double>(roster_.size());
  gauges["streams"] = static_cast<double>(store_.intake().streams());
  gauges["commands_open"] = static_cast<double>(registry_.open_count());
  return stats;
}

}  // namespace trainbus
