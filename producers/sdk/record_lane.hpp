#pragma once
// The records' and commands' way to the broker.

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "broker_connections.hpp"
#include "key_doubt.hpp"
#include "limit_alert.hpp"
#include "outbox.hpp"
#include "problem_reports.hpp"
#include "spool_delivery.hpp"
#include "trainer_state.hpp"

namespace trainbus {

// Publishes what the training thread logged while the broker answers, keeps it until it is stored, delivers what
// earlier incarnations left, says HELLO and heartbeats, receives commands. Single-threaded and steppable; owns the
// connections. Takes from the spool while its outbox has room, and releases there what is stored. Heartbeats may be
// lost. While only the control port is reached, records and heartbeats go there.
class RecordLane {
 public:
  using Clock = std::chrono::steady_clock;

  // As who `key` says. Throws zmq::error_t when a socket cannot be opened.
  RecordLane(zmq::context_t& context, TrainerState& state, const std::optional<KeyFile>& key);

  // One turn of everything; waits at most `timeout` when there is nothing to do. Never throws.
  void poll_once(std::chrono::milliseconds timeout);

  // The last turn: what is known goes out, with a heartbeat that closes the ledgers; the sockets then linger at most
  // this long.
  void finish(std::chrono::milliseconds linger);

 private:
  void turn(std::chrono::milliseconds timeout);
  void on_link(Clock::time_point now);
  void read_control(Clock::time_point now);
  void on_welcome(const v1::Welcome& welcome, Clock::time_point now);
  void on_error(Clock::time_point now);
  // Empty: it does not.
  void refused_by_broker(const std::string& reason, Clock::time_point now);
  void note_names(const v1::Welcome& welcome, Clock::time_point now);
  void choose_way(Clock::time_point now);
  void on_demand(const v1::Demand& demand, Clock::time_point now);
  void acknowledge(const google::protobuf::RepeatedPtrField<v1::KindPosition>& stored, Clock::time_point now);
  void limit_tiles(double max_rate_hz, int max_pixels);
  void take_logged(Clock::time_point now);
  bool take_gone(const RecordSpool::Record& gone, Clock::time_point now);
  void send_records(Clock::time_point now);
  void send_left_behind(Clock::time_point now);
  void report_commands();
  void send_hello(Clock::time_point now);
  void send_alert(const v1::Alert* alert);
  void send_heartbeat(Clock::time_point now);
  bool send_control(v1::MetricsRequest& message);
  template <class Positions>
  void write_highest(Positions& positions) const;

  TrainerState& state_;
  BrokerConnections broker_;
  std::array<std::string, v1::Kind_ARRAYSIZE> topics_;
  Outbox outbox_;

  std::vector<RecordSpool::Record> taken_;
  std::size_t next_taken_ = 0;                // of taken_, for the outbox
  bool more_ = false;                         // the spool has more to take
  std::optional<SpoolDelivery> left_behind_;  // from the first welcome on
  std::size_t refused_lives_told_ = 0;
  std::array<std::uint64_t, v1::Kind_ARRAYSIZE> highest_{};  // sequence taken, per kind

  bool by_control_ = false;  // the data port is not reached
  bool relinked_ = false;    // since the last welcome
  bool welcomed_ = false;
  std::uint64_t broker_incarnation_ = 0;
  Clock::time_point welcomed_at_{};
  Clock::time_point subscribed_at_{};  // last time the broker was subscribed on the data port
  std::string broker_id_;
  std::string data_port_problem_;  // as the broker says at a welcome
  bool watched_said_ = false;      // this broker says whether somebody watches
  Clock::time_point last_heard_{};
  Clock::time_point next_hello_{};
  Clock::time_point next_heartbeat_{};
  Clock::time_point demand_until_ = Clock::time_point::max();
  std::vector<v1::ControlCommand> unsent_reports_;

  KeyDoubt key_doubt_;
  LimitAlert limit_alert_;
  ProblemReports reports_;

  v1::MetricsRequest record_;  // reused, as are the next two
  v1::MetricsRequest request_;
  v1::MetricsResponse response_;
  std::vector<zmq::message_t> frames_;
};

}  // namespace trainbus
