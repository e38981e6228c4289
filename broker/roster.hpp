#pragma once
// The roster: what the broker knows about each session now. Its incarnations in the order in which they were heard of;
// of the newest, and of others that are alive beside it, the newest record of every kind, so that a list needs no
// history, and where its acknowledgements go. Single-threaded; times are steady milliseconds but where they say Unix.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "broker/class_names.hpp"
#include "broker/clock_skew.hpp"
#include "broker/command_registry.hpp"
#include "broker/heard_order.hpp"
#include "broker/shared_names.hpp"
#include "broker/store_batch.hpp"
#include "broker/unnumbered_start.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

class Roster {
 public:
  struct Incarnation {
    std::uint64_t number = 0;
    v1::TrainingStatus status = v1::UNKNOWN;
    std::int64_t began_ms = -1;  // when this broker process first heard it itself; -1: not yet
    std::int64_t last_heartbeat_ms = -1;
    std::int64_t last_record_ms = -1;
    bool gone = false;                 // its control connection ended, and nothing was heard since
    std::string routing_id;            // of its control connection; empty: none
    std::optional<bool> told_watched;  // what that connection was told of its tiles
    std::string client_name;
    ClockSkew skew;
    // Newest body of each kind but media; a plan's class names are kept apart.
    std::array<std::string, v1::Kind_ARRAYSIZE> last;
    std::array<std::int64_t, v1::Kind_ARRAYSIZE> taken_in_ms{};  // each of these; Unix time of the broker
    ClassNames::Shared class_names;                              // of the plan in `last`
    std::vector<v1::Knob> knobs;                                 // of its newest plan
    bool by_control_only = false;                                // so came its last heartbeat
    std::uint64_t tiles_in = 0;
    std::uint64_t tiles_lost_on_link = 0;  // gaps in their sequence
    std::uint64_t tiles_sequence = 0;
    std::uint64_t unnumbered = 0;                          // records that the broker numbered
    std::array<std::uint64_t, v1::Kind_ARRAYSIZE> lost{};  // kept records given up

    std::int64_t last_sign_ms() const { return std::max(last_heartbeat_ms, last_record_ms); }
  };

  static constexpr std::size_t kMaxSessions = 100'000;  // policy: forget the longest ended ones, then refuse
  // Past so many, those go that ended or were not heard for long: the journal has them, a fetch by name finds them.
  static constexpr std::size_t kManySessions = 20'000;
  static constexpr std::int64_t kQuietMs = 600'000;
  static constexpr std::int64_t kHelloAloneMs = 60'000;    // how long a hello without anything after it counts
  static constexpr std::size_t kMaxBodyBytes = 256 << 20;  // policy: a body that does not fit is not listed
  static constexpr std::size_t kMaxBeside = 16;  // incarnations of a session known in full; policy: forget the quietest
  static constexpr std::size_t kDefaultPageBytes = 512 << 10;
  static constexpr std::size_t kMaxPageBytes = 4 << 20;  // asked for; one trainer at least comes, whatever its size
  static constexpr std::size_t kMaxClientNameBytes = 128;
  static constexpr std::int64_t kLiveMs = 15'000;      // since the last sign of life; three heartbeats and more
  static constexpr std::int64_t kInFlightMs = 2'000;   // what is heard so long after a later start was sent after it
  static constexpr std::int64_t kSettlingMs = 15'000;  // after a start everybody says hello again

  // What the journal knows of a session's incarnations, in their order; asked for when a session is first heard of.
  using ReadOrder = std::function<std::vector<IncarnationRow>(const std::string& session_id)>;
  explicit Roster(ReadOrder read_order = {}) : read_order_(std::move(read_order)) {}

  // A record read back from the journal: known, but not heard. `taken_in_ms`: Unix time of the broker.
  void restore(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body,
               std::int64_t taken_in_ms);

  // Fills in the incarnation of one that says none: of this start, or of another that begins with this record.
  // `connection`: which it came on; -1: not known.
  void identify(const Topic& topic, v1::MetricsRequest& message, std::int64_t now_ms, int connection = -1);
  // Who numbers nothing, and publishes from two places at once.
  SharedNames& shared() { return shared_; }
  // A record or heartbeat was taken in; of a frequent kind `message` has the envelope alone. Commands and alerts are no
  // sign of life, nor is what somebody else delivers. `by_control`: it came over the control port. True when the
  // journal does not have its incarnation yet: to_store().
  bool heard(const Topic& topic, const v1::MetricsRequest& message, const zmq::message_t& body, std::int64_t now_ms,
             bool by_control = false);
  // False: no room for another session.
  bool hello(const v1::MetricsRequest& hello, const std::string& routing_id, std::int64_t now_ms);
  // Somebody delivers what this incarnation left; it stands before whoever does.
  void deliver(const std::string& session_id, std::uint64_t incarnation, std::uint64_t deliverer, std::int64_t now_ms);
  // The row that the journal needs before the first record of an incarnation; empty when it has it.
  std::optional<IncarnationRow> to_store(const std::string& session_id, std::uint64_t incarnation);
  // Kept records that never arrived were given up.
  void gave_up(const Topic& topic, std::uint64_t incarnation, std::uint64_t count);
  // Out of lists, or back in them: a session whose newest incarnation this is.
  void set_archived(const std::string& session_id, std::uint64_t incarnation, bool archived);
  // What is known of this incarnation now, in place of what the journal had of it.
  void freshen(v1::TrainerEntry& entry, std::int64_t now_ms) const;
  // Its history was deleted.
  void forget(const std::string& session_id);
  void told_watched(const std::string& session_id, std::uint64_t incarnation, bool watched);
  // Its control connection is gone.
  void disconnected(const std::string& session_id, std::uint64_t incarnation);

  bool knows(const std::string& session_id) const { return sessions_.contains(session_id); }
  std::uint64_t newest(const std::string& session_id) const;  // 0: unknown
  // nullptr when it is not the newest, and not alive.
  const Incarnation* find(const std::string& session_id, std::uint64_t incarnation) const;
  // Those with a control connection, of one session or of all whose id begins so.
  std::vector<const Incarnation*> connected(const std::string& session_id) const;
  std::vector<std::pair<std::string, const Incarnation*>> connected_below(const std::string& prefix) const;
  // Those that are alive beside each other, in the order in which they were heard; one alone is no conflict.
  std::vector<const Incarnation*> live(const std::string& session_id, std::int64_t now_ms) const;
  // Sessions of "run/trainer" or "run/*" (or "": all), in order.
  std::vector<std::string> matching(const std::string& session_id) const;

  // What a command meets: the incarnation it is meant for (0: the one that is alive, else the newest), or why none.
  TargetFacts target_facts(const std::string& session_id, std::uint64_t expected, std::int64_t now_ms) const;
  // Why the trainer would refuse this command: a knob it does not offer, or a value out of its range. Empty: it may
  // take it.
  std::string refusal(const std::string& session_id, std::uint64_t incarnation,
                      const v1::ControlCommand& command) const;

  // Sessions with more than one incarnation that is known in full: a conflict, or the end of one. `overlap`: two were
  // heard after both had begun.
  struct Crowd {
    std::string session_id;
    std::vector<const Incarnation*> live;
    bool overlap = false;
  };
  std::vector<Crowd> crowds(std::int64_t now_ms);

  // A page of the trainers: sorted by session id, from after `request.after()` on.
  v1::TrainerList list(const v1::ListRequest& request, std::int64_t now_ms) const;
  std::size_t size() const { return sessions_.size(); }
  std::uint64_t refused() const { return refused_; }  // sessions, for want of room
  // Sessions that the journal has and no list shows, because they ended long ago.
  std::uint64_t left_out() const { return left_out_; }
  // Of a journal that has just been read back: so many of its sessions may be listed.
  void note_in_journal(std::size_t listed);
  std::uint64_t tiles_lost_on_link() const { return tiles_lost_on_link_; }
  std::size_t body_bytes() const { return body_bytes_; }
  std::uint64_t bodies_left_out() const { return bodies_left_out_; }  // of the list, for want of room

 private:
  struct Session {
    HeardOrder order;
    std::uint64_t archived = 0;                  // this incarnation is, and so the session while it is the newest
    std::map<std::uint64_t, Incarnation> known;  // in full: the newest, and others while they are alive
    UnnumberedStart unnumbered;
  };

  Session* session_for(const std::string& session_id, std::int64_t now_ms);
  Incarnation* known(const std::string& session_id, Session& session, std::uint64_t number);
  Incarnation* know_in_full(Session& session, std::uint64_t number);
  Incarnation* in_full(const std::string& session_id, std::uint64_t incarnation);
  void forget_ended(Session& session, std::int64_t now_ms);
  bool make_room(std::int64_t now_ms);
  void note(Incarnation& incarnation, Kind kind, const v1::MetricsRequest& message, const zmq::message_t& body,
            std::int64_t taken_in_ms);
  void count_tiles(Incarnation& incarnation, std::uint64_t sequence);
  static void sign_of_life(Incarnation& incarnation, Kind kind, std::int64_t now_ms);
  static bool alive(const Incarnation& incarnation, std::int64_t now_ms);
  static std::vector<const Incarnation*> live(const Session& session, std::int64_t now_ms);
  static bool is_archived(const Session& session);
  static void add_entries(const std::string& id, const Session& session, const v1::ListRequest& request,
                          std::int64_t now_ms, v1::TrainerList& list);
  static void add_details(const Incarnation& incarnation, bool whole, std::int64_t now_ms, v1::TrainerEntry& entry);

  ReadOrder read_order_;
  std::map<std::string, Session> sessions_;
  std::set<std::string> crowded_;  // sessions with more than one known in full
  SharedNames shared_;
  ClassNames class_names_;
  std::size_t body_bytes_ = 0;
  std::int64_t next_make_room_ms_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t left_out_ = 0;
  std::uint64_t tiles_lost_on_link_ = 0;
  std::uint64_t bodies_left_out_ = 0;
};

}  // namespace trainbus
