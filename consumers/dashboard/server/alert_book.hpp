#pragma once
// The alerts of all trainers and of the bus's own programs: those that stand, and the newest that are over.
// Single-threaded. Bounded: kMaxAlerts; past it the oldest that is over goes, else the oldest, and is counted.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trainbus/consumer.hpp"

namespace trainbus {

struct BookedAlert {
  std::string alert_id;
  SessionName session;
  std::uint64_t incarnation = 0;  // of the trainer; 0: not known
  std::string rule;
  std::string message;         // the newest
  std::int64_t raised_ms = 0;  // Unix time
  std::int64_t ended_ms = 0;   // 0: it stands
};

class AlertBook {
 public:
  static constexpr std::size_t kMaxAlerts = 1000;

  // Takes an alert record; records of one alert may come in any order.
  void take(const Record& record);

  // Newest first, by when they were raised.
  std::vector<const BookedAlert*> newest_first() const;
  std::uint64_t left_out() const { return left_out_; }

 private:
  void keep_bound();

  std::map<std::string, BookedAlert> by_id_;
  std::uint64_t left_out_ = 0;
};

// {"alerts":[{"alert_id","run","trainer","incarnation","rule","message","raised_ms","ended_ms"}…],"left_out"}
std::string alerts_json(const AlertBook& book);

}  // namespace trainbus
