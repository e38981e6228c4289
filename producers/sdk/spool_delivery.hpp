#pragma once
// What earlier incarnations left in the spool, on its way to the broker.

#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outbox.hpp"
#include "spool_folder.hpp"
#include "spool_reader.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {

// Delivers the segments of incarnations that have ended, one incarnation after the other, the oldest first, and deletes
// what the broker has stored. What was left for another broker stays, and is reported. What an incarnation no longer
// has (acknowledged by a broker, or damaged since) is said in a hello in its name, so that a journal without it records
// it as lost instead of waiting for it; a damaged file is set aside. An incarnation whose lock is held by another
// process is left to it. Single-threaded, no socket of its own; time is an argument.
class SpoolDelivery {
 public:
  using Clock = Outbox::Clock;
  // Sends one record on the control socket; false when it takes none now.
  using Send = std::function<bool(const std::string& topic, std::string_view record)>;
  // The same for a request.
  using Say = std::function<bool(v1::MetricsRequest& hello)>;

  struct Broker {
    std::string address;
    std::string id;         // as its welcome said; empty: not known
    bool whatever = false;  // also what was left for another one
  };

  // Of one session, or of all. `folder` may be empty or absent: then there is nothing. `delivered_by`: the incarnation
  // that does it; 0: a tool.
  SpoolDelivery(const std::filesystem::path& folder, const std::optional<SessionName>& only, Broker broker,
                std::uint64_t delivered_by = 0);
  ~SpoolDelivery();

  // Sends what is due, at most a burst.
  void send(Clock::time_point now, const Outbox::Burst& burst, const Send& send, const Say& say);
  void acknowledge(const std::string& session_id, const v1::Acknowledgment& ack, Clock::time_point now);
  // The broker is another one: everything is due again.
  void resend_all();

  // Nothing is left that this process could deliver.
  bool done() const { return current_ == nullptr && waiting_.empty(); }
  // Stored, this time.
  std::uint64_t delivered() const { return delivered_; }
  // Files set aside, this time.
  std::uint64_t damaged() const { return damaged_; }
  // A line for each incarnation that was left for another broker.
  const std::vector<std::string>& refused() const { return refused_; }

 private:
  struct Current;

  bool open_next();
  bool belongs_here(const SpoolOwner& owner, const OwnerLock& lock);
  void fill();
  bool push_waiting();
  void greet(Clock::time_point now, const Say& say);
  void release_stored();

  const std::filesystem::path folder_;
  const Broker broker_;
  const std::uint64_t delivered_by_;
  std::vector<std::string> refused_;
  std::deque<SpooledFiles> waiting_;
  std::unique_ptr<Current> current_;
  std::uint64_t delivered_ = 0;
  std::uint64_t damaged_ = 0;
};

}  // namespace trainbus
