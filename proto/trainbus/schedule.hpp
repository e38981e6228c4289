#pragma once
// A schedule: the edits of one training, a line each. trainbus-ctl writes it, a hand may, trainbus-train replays it.
//
//   # mnist/t0
//   120  set-lr          0.01 -> 0.001
//   300  set-batch-size  64 -> 128
//   600  set             weight_decay  0.0001 -> 0.01
//   800  set             save_checkpoint
//   900  stop
//
// STEP VERB [NAME] [[OLD ->] VALUE]. STEP counts the batches finished before the edit (0: at the start) and never falls
// from line to line; VERB is set-lr, set-batch-size, set, pause, resume or stop; only `set` has a NAME, of a knob, and
// only the first three a VALUE, which `set` of an action has not; OLD is for people. Blank lines, and what follows a #,
// mean nothing. Values have no blanks.

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
  std::string new_value = {};  // of set-lr and set-batch-size a number in its range; "": none
  std::string knob = {};       // of set: its name

  double value() const;  // new_value as a number; NaN when there is none
  bool operator==(const ScheduledEdit&) const = default;
};

// True for set-lr and set-batch-size; set may have one.
bool takes_value(v1::CommandType type);

// Throws std::invalid_argument with one line: "NAME line 3: batch size must be ..., got '0'".
std::vector<ScheduledEdit> parse_schedule(std::string_view text, const std::string& name);
// A line an edit, which parse_schedule reads back as the same.
std::string schedule_text(std::span<const ScheduledEdit> edits);

}  // namespace trainbus
