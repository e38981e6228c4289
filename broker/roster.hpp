#pragma once
// The roster: what the broker knows about each session now. The newest incarnation, the newest record of every kind
// (so that a list needs no history), where its acknowledgements go. Single-threaded; times are steady milliseconds.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

#include "broker/command_registry.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

class Roster {
 public:
  struct Session {
    std::uint64_t incarnation = 0;
    v1::TrainingStatus status = v1::UNKNOWN;
    std::int64_t last_heartbeat_ms = -1;
    std::int64_t last_record_ms = -1;
    std::string routing_id;  // of its control connection; empty: none
    std::string client_name;
    std::array<std::string, v1::Kind_ARRAYSIZE> last;  // newest body of each kind but media, of this incarnation
    std::vector<v1::Knob> knobs;                       // of its newest plan
    std::uint64_t tiles_in = 0;                        // tile messages of this incarnation taken in
    std::uint64_t tiles_lost_on_link = 0;              // gaps in their sequence
    std::uint64_t tiles_sequence = 0;
    std::array<std::uint64_t, v1::Kind_ARRAYSIZE> lost{};  // kept records of this incarnation given up
  };

  static constexpr std::size_t kMaxSessions = 100'000;     // policy: forget who said only hello, then refuse
  static constexpr std::int64_t kHelloAloneMs = 60'000;    // how long a hello without anything after it counts
  static constexpr std::size_t kMaxBodyBytes = 256 << 20;  // policy: a body that does not fit is not listed
  static constexpr std::size_t kMaxListBytes = 12 << 20;   // policy: leave out bodies, then entries
  static constexpr std::size_t kMaxClientNameBytes = 128;

  // A record or heartbeat of a session was taken in. Older incarnations change nothing; commands and alerts are no
  // sign of life.
  void heard(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body, std::int64_t now_ms);
  // A record read back from the journal at start: known, but not heard.
  void restore(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body);
  enum class Greeting { kWelcome, kSuperseded, kNoRoom };  // superseded: a newer incarnation is known
  Greeting hello(const std::string& session_id, std::uint64_t incarnation, const std::string& routing_id,
                 const std::string& client_name, std::int64_t now_ms);
  // Kept records that never arrived were given up.
  void gave_up(const Topic& topic, std::uint64_t incarnation, std::uint64_t count);
  // Its control connection is gone.
  void disconnected(const std::string& session_id);

  const Session* find(const std::string& session_id) const;
  // Sessions of "run/trainer" or "run/*" (or "": all), in order.
  std::vector<std::string> matching(const std::string& session_id) const;
  TargetFacts target_facts(const std::string& session_id, std::int64_t now_ms) const;
  // Why the trainer would refuse this command: a knob it does not offer, or a value out of its range. Empty: it may
  // take it.
  std::string refusal(const std::string& session_id, const v1::ControlCommand& command) const;
  v1::TrainerList list(const std::string& run, std::int64_t now_ms) const;
  std::size_t size() const { return sessions_.size(); }
  std::uint64_t refused() const { return refused_; }  // sessions, for want of room
  const std::map<std::string, Session>& sessions() const { return sessions_; }

 private:
  Session* newest(const std::string& session_id, std::uint64_t incarnation, std::int64_t now_ms);
  bool make_room(std::int64_t now_ms);
  void note(Session& session, Kind kind, const v1::MetricsRequest& message, const zmq::message_t& body);

  std::map<std::string, Session> sessions_;
  std::size_t body_bytes_ = 0;
  std::int64_t next_make_room_ms_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace trainbus
