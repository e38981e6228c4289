#pragma once
// A schedule: the edits of one training, a line each. trainbus-ctl writes it, a hand may, trainbus-train replays it.
//
//   # mnist/t0
//   120  set-lr          0.01 -> 0.001
//   300  set-batch-size  64 -> 128
//   900  stop
//
// STEP VERB [[OLD ->] VALUE]. STEP counts the batches finished before the edit (0: at the start) and never falls from
// line to line; VERB is set-lr, set-batch-size, pause, resume or stop; only the first two have a VALUE; OLD is for
// people. Blank lines, and what follows a #, mean nothing.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

struct ScheduledEdit {
  std::uint64_t step = 0;
  v1::CommandType type = v1::UNKNOWN_COMMAND;
  std::string old_value = {};  // "": not said
  std::string new_value = {};  // a number in the range of its command; "": the command takes none

  double value() const;  // new_value; NaN when there is none
  bool operator==(const ScheduledEdit&) const = default;
};

// True for set-lr and set-batch-size.
bool takes_value(v1::CommandType type);

// Throws std::invalid_argument with one line: "NAME line 3: batch size must be ..., got '0'".
std::vector<ScheduledEdit> parse_schedule(std::string_view text, const std::string& name);
// A line an edit, which parse_schedule reads back as the same.
std::string schedule_text(std::span<const ScheduledEdit> edits);

}  // namespace trainbus
