#pragma once
// The bounds of a program: where each stands, how often it was met, and what happens then. No limit is met in silence.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

struct LimitRow {
  std::string name;  // "streams"
  std::string unit;  // "bytes", "files", "records"
  double bound = 0;
  std::string policy;  // a sentence: what happens when it is met
  // Where it stands now, and how often it was met since the start: both are asked once a second.
  std::function<double()> value;
  std::function<std::uint64_t()> met;
};

// Who is bounded keeps the counter; this only looks. Single-threaded; times are steady milliseconds.
class LimitTable {
 public:
  static constexpr std::int64_t kLookEveryMs = 1'000;
  static constexpr std::int64_t kBitesMs = 60'000;     // met within this: it bites
  static constexpr std::int64_t kSayEveryMs = 60'000;  // a line on stderr a limit

  void add(LimitRow row) { rows_.push_back({std::move(row)}); }

  // Looks when it is time, and writes a line for each that was met. True when the text of biting() changed: limits
  // began to bite, or ended.
  bool look(std::int64_t now_ms);
  // Which bite, with their policies, in one line; empty: none. For an alert.
  const std::string& biting() const { return biting_; }

  // As of now, in the order in which they were added.
  std::vector<v1::Limit> limits() const;

 private:
  struct Row {
    LimitRow limit;
    std::uint64_t met = 0;  // as of the last look
    std::int64_t met_ms = -kBitesMs;
    std::int64_t said_ms = -kSayEveryMs;
    bool bites = false;
  };
  void say(Row& row, std::uint64_t met, std::int64_t now_ms);

  std::vector<Row> rows_;
  std::string biting_;
  std::int64_t next_look_ms_ = 0;
};

// "65 of 64 MiB", "12 of 200000 streams": a bound as people read it.
std::string limit_amount(double amount, const std::string& unit);

}  // namespace trainbus
