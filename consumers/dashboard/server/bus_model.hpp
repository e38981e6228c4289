#pragma once
// What the dashboard knows of the bus: every trainer, by run then trainer, and how the bus itself is.
// Belongs to the asio thread.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "alert_book.hpp"
#include "trainer_json.hpp"
#include "trainer_model.hpp"

namespace trainbus {

// Of the dashboard's own subscription.
struct BusState {
  bool connected = false;
  bool caught_up = false;
  bool by_pages = false;                   // the live feed does not answer
  std::string port_trouble = {};           // which port of the broker does not answer, and why; "": all do
  std::int64_t port_trouble_since_ms = 0;  // Unix time
  ConsumerCounters counters = {};
};

// What a program of the bus itself (trainbus/bus_session.hpp) raised and has not ended.
struct Trouble {
  std::string message;
  std::int64_t since_ms = 0;  // Unix time
};

class BusModel {
 public:
  // Points of all curves, 16 bytes each, have four fifths of it, media the rest, both shared evenly by the trainers.
  // With many trainers, or many curves of one, a long curve is thinned earlier.
  static constexpr std::size_t kMaxBytes = std::size_t{1280} << 20;

  // By program, such as "log-jsonl", and rule: a program can have several.
  using Troubles = std::map<std::pair<std::string, std::string>, Trouble>;
  explicit BusModel(std::size_t max_bytes = kMaxBytes)
      : max_points_(max_bytes / 5 * 4 / sizeof(Point)), max_media_bytes_(max_bytes / 5) {}

  // Why the broker stores nothing now; "": it does. Known a moment after it began, and to those who came later.
  void set_storing_trouble(const std::string& why, std::int64_t unix_ms) {
    if (why.empty() != storing_trouble_.message.empty()) storing_trouble_.since_ms = unix_ms;
    storing_trouble_.message = why;
  }
  const Trouble& storing_trouble() const { return storing_trouble_; }
  // Why the history (EndedRunsDesk) does not answer, or what is not of it; "": nothing.
  void set_history_trouble(const std::string& why, std::int64_t unix_ms) {
    if (why.empty() != history_trouble_.message.empty()) history_trouble_.since_ms = unix_ms;
    history_trouble_.message = why;
  }
  const Trouble& history_trouble() const { return history_trouble_; }

  // By run, then trainer.
  using Trainers = std::map<std::pair<std::string, std::string>, TrainerModel>;

  // Takes one record; makes the trainer known. What TrainerModel::apply says. An alert
  // of a program of the bus is a trouble instead.
  bool apply(const Record& record, std::int64_t now_ms);

  // What the broker lists of an incarnation; nothing for a trainer of which no record came.
  void set_standing(const SessionName& session, std::uint64_t incarnation, const TrainerStanding& standing);

  // Of a trainer that the broker lists no longer. What was deleted is forgotten.
  void set_shelf(const SessionName& session, Shelf shelf);

  const Trainers& trainers() const { return trainers_; }
  const Troubles& troubles() const { return troubles_; }
  const AlertBook& alerts() const { return alerts_; }
  // nullptr when nobody by this name was heard of.
  const TrainerModel* find(const SessionName& session) const;
  bool has_run(const std::string& run) const;

  BusState bus;

 private:
  TrainerModel& trainer(const SessionName& session);
  void share_memory();
  void take_trouble(const std::string& program, const v1::MetricsRequest& record);

  const std::size_t max_points_;
  const std::size_t max_media_bytes_;
  // Of one trainer.
  std::size_t points_share_ = 0;
  std::size_t media_share_ = 0;
  Trainers trainers_;
  Trouble storing_trouble_, history_trouble_;
  Troubles troubles_;
  AlertBook alerts_;
};

}  // namespace trainbus
