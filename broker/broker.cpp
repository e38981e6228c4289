#include "broker/broker.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "broker/served_keys.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/file_limit.hpp"
#include "trainbus/text.hpp"

namespace trainbus {

namespace {

std::optional<KeyFolder> keys_of(const BrokerOptions& options) {
  if (options.keys_dir.empty()) return std::nullopt;
  return KeyFolder(options.keys_dir);
}

// Handshakes are answered from the first connection on.
zmq::context_t& answered_by(Gatekeeper& gatekeeper, zmq::context_t& context) {
  gatekeeper.attach(context);
  return context;
}

}  // namespace

Broker::Broker(const BrokerOptions& options)
    : folder_(options.state_dir),
      context_(options.io_threads),
      gatekeeper_(keys_of(options)),
      sockets_(
          bind_sockets(answered_by(gatekeeper_, context_), parse_endpoints(options.listen), gatekeeper_.secret_keys())),
      connections_(context_, sockets_),
      roster_([this](const std::string& session_id) { return store_.incarnations(session_id); }),
      data_(sockets_.xsub, sockets_.xpub, connections_, gatekeeper_),
      history_(folder_.journal_path()),
      backup_(folder_.journal_path(), folder_.own_path()),
      conflicts_(store_, roster_),
      store_(
          folder_.journal_path(), options.durability, options.retention,
          [this](const std::string& topic, zmq::message_t body) { data_.publish(topic, std::move(body)); },
          [this](const Topic& topic, const v1::MetricsRequest& message, zmq::message_t body, std::int64_t taken_in_ms) {
            if (message.has_command()) restore(message.session_id(), message.command());
            if (message.has_alert()) conflicts_.restore(message);
            if (message.has_alert()) restore_own(message);
            roster_.restore(topic, message, body, taken_in_ms);
          },
          [this](const IncarnationRow& row) { roster_.set_archived(row.session.id(), row.incarnation, true); }),
      archives_(store_, gatekeeper_),
      files_(connections_, sockets_.endpoints, raise_file_limit()),
      control_(
          sockets_.router, store_, roster_, registry_, alerts_, history_, backup_, archives_,
          {connections_, files_, gatekeeper_}, folder_.broker_id(), data_.tile_demand(),
          [this](const std::string& topic, zmq::message_t body) { data_.publish(topic, std::move(body)); },
          [this] { return stats(); }) {
  gatekeeper_.ended = [this](const Identity& who) { connections_.cut_sender(&who); };
  connections_.name_of = [this](const void* sender, Port port, const std::string& address) {
    constexpr const char* kDomains[] = {kDataInDomain, kDataOutDomain, kControlDomain};
    return gatekeeper_.names_of(static_cast<const Identity*>(sender), kDomains[static_cast<std::size_t>(port)],
                                address);
  };
  gatekeeper_.rolled = [this] { serve_keys(); };
  gatekeeper_.unreadable = [this](const std::string& why) {
    raise("keys_unreadable", !why.empty(), why.empty() ? "the keys can be read again" : why);
  };
  roster_.note_in_journal(store_.listed_at_start());
  data_.attach(store_, roster_);
  history_.attach(store_, roster_);
  news_.stored = [this](const Stream& stream) { control_.owe_ack(stream); };
  news_.gave_up = [this](const LostRecords& lost) {
    roster_.gave_up(lost.stream->topic, lost.stream->incarnation, lost.last - lost.first + 1);
  };
  news_.failing = [this](const std::string& rule, const std::string& error) { raise(rule, true, error); };
  news_.healed = [this](const std::string& rule) { raise(rule, false, "the journal works again"); };
  add_limits();
  if (!options.retention.until_archived.empty()) add_limit_of_retention();
  end_alerts_of_before();
}

void Broker::restore(const std::string& session_id, const v1::ControlCommand& command) {
  if (HistoryDesk::handles(command.type()))
    history_.restore(session_id, command);
  else
    registry_.restore(session_id, command, steady_ms(), unix_ms());
}

void Broker::restore_own(const v1::MetricsRequest& record) {
  if (record.session_id() != bus_session("broker").id()) return;
  if (record.alert().active())
    own_alerts_[record.alert().rule()] = record.alert().alert_id();
  else
    own_alerts_.erase(record.alert().rule());
}

// What still holds is raised again.
void Broker::end_alerts_of_before() {
  for (const auto& [rule, id] : std::map(own_alerts_))
    raise(rule, false, "the broker has started anew");
}

// Its end is missed at the start, the rest when somebody asks for records that cannot be read.
void Broker::look_for_damage() {
  const auto& gauges = store_.journal().gauges();
  if (!loss_said_ && gauges.gone_at_start > 0) {
    loss_said_ = true;
    raise("journal_damaged", true,
          "the journal's last " + std::to_string(gauges.gone_at_start) +
              " records are gone: its file or its -wal was lost or damaged before this start. What their trainers "
              "still have comes again, the rest is lost");
  }
  if (damage_said_ || gauges.damaged == 0) return;
  damage_said_ = true;
  const std::string what =
      "part of the journal cannot be read: its records are answered as LOST; with the broker stopped, 'trainbus-broker "
      "repair " +
      folder_.path() + "' brings back those that are still in the file";
  spdlog::error("{}", what);
  raise("journal_damaged", true, what);
}

void Broker::serve_keys() {
  try {
    const bool anew = trainbus::serve_keys(sockets_, gatekeeper_.secret_keys());
    files_.listen_at(sockets_.listeners);
    spdlog::info(anew ? "served by the broker's key in force alone: every connection was ended, and comes again"
                      : "served by the broker's new key, and by the one before while that is good");
  } catch (const std::exception& error) {
    spdlog::error("the broker's own key stays as it was until a restart: {}", error.what());
  }
}

void Broker::raise(const std::string& rule, bool active, const std::string& message) {
  const Topic topic{v1::KIND_ALERT, bus_session("broker")};
  v1::MetricsRequest record;
  record.set_session_id(topic.session.id());
  record.set_timestamp_ms(unix_ms());
  auto* alert = record.mutable_alert();
  std::string& id = own_alerts_.try_emplace(rule, new_command_id()).first->second;  // one from its begin to its end
  alert->set_alert_id(id);
  alert->set_rule(rule);
  alert->set_message(message);
  alert->set_active(active);
  alert->set_timestamp_ms(record.timestamp_ms());
  if (!active) own_alerts_.erase(rule);
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
  std::array<zmq::pollitem_t, 7> items{{{sockets_.xsub.handle(), 0, ZMQ_POLLIN, 0},
                                        {sockets_.xpub.handle(), 0, ZMQ_POLLIN, 0},
                                        {sockets_.router.handle(), 0, ZMQ_POLLIN, 0},
                                        {nullptr, store_.journal().outcomes_fd(), ZMQ_POLLIN, 0},
                                        {nullptr, store_.journal().answers_fd(), ZMQ_POLLIN, 0}}};
  std::size_t count = items.size() - 2;
  if (gatekeeper_.has_keys()) {
    items[count++] = {gatekeeper_.handshakes().handle(), 0, ZMQ_POLLIN, 0};
    items[count++] = {nullptr, gatekeeper_.readings_fd(), ZMQ_POLLIN, 0};
  }
  const std::int64_t due_ms = store_.due_in_ms(steady_ms());
  const std::int64_t most_ms = history_.busy() ? std::min<std::int64_t>(timeout.count(), kBusyTurnMs) : timeout.count();
  const long wait_ms = due_ms < 0 ? most_ms : std::min(most_ms, due_ms);
  const int ready = zmq_poll(items.data(), static_cast<int>(count), wait_ms);  // EINTR: nothing to do
  const std::int64_t now_ms = steady_ms();
  const auto waits = [&](std::size_t item) { return items[item].revents != 0; };
  if (ready == 0) give_back_memory(now_ms);
  for (const auto port : {Port::kDataIn, Port::kDataOut, Port::kControl})
    if (!waits(static_cast<std::size_t>(port))) connections_.drained(port);
  if (waits(5)) gatekeeper_.answer_handshakes(now_ms);
  if (waits(1)) data_.forward_subscriptions();
  if (waits(0)) data_.forward_data(now_ms);
  if (waits(2)) control_.answer(now_ms);
  store_.turn(now_ms, news_);
  control_.answer_fetches();
  control_.tick(now_ms);
  conflicts_.tick(now_ms);
  history_.tick(now_ms);
  backup_.tick(now_ms);
  connections_.look(now_ms, control_.fetching_bytes());
  gatekeeper_.look(now_ms);
  files_.look(now_ms);
  look_for_damage();
  if (limits_.look(now_ms))
    raise(
        "limit", !limits_.biting().empty(),
        limits_.biting().empty() ? "no limit is met any more" : std::string(clipped(limits_.biting(), kMaxTextBytes)));
}

// What a flood was kept in is freed in small pieces, and what is in use between them keeps the allocator from giving
// their pages back by itself.
void Broker::give_back_memory(std::int64_t now_ms) {
  if (now_ms < next_memory_look_ms_) return;
  next_memory_look_ms_ = now_ms + kMemoryLookEveryMs;
  if (mallinfo2().fordblks >= kGiveBackBytes) malloc_trim(0);
}

}  // namespace trainbus
