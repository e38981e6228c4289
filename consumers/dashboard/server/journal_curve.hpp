#pragma once
// The points of a curve as the broker's journal has them, for a range of steps: read when somebody looks closer than
// what the dashboard keeps in memory. Its memory is bounded, the journal's is the disk.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "series.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

struct JournalRange {
  SessionName session;
  std::uint64_t incarnation = 0;
  std::string curve;
  double x_min = -kNoBound;  // steps as the incarnation counts them
  double x_max = kNoBound;
};

struct JournalPoints {
  std::vector<Point> points;  // in the order of x, one for each x: the last that was said
  bool complete = false;      // false: unknown incarnation, more than kMaxJournalRecords, given up, or no step said
};

// One x has one point: the last that was said.
void sort_by_x(std::vector<Point>& points);

// Asked between two pages; true: what was read until now is all.
using GiveUp = std::function<bool()>;

inline constexpr std::size_t kMaxJournalRecords = 200'000;  // that one answer is made of

// Blocks while it reads: for a thread of its own. A curve over epochs is never long: it is not read.
JournalPoints read_journal(ControlClient& client, const JournalRange& range, const GiveUp& give_up);

}  // namespace trainbus
