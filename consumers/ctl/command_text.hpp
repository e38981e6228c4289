#pragma once
// Commands as lines for people, and the history of a command as JSON.

#include <string>

#include "command_history.hpp"

namespace trainbus {

// "set-lr 0.001", "set weight_decay 0.01", "set save_checkpoint"
std::string command_what(const v1::ControlCommand& command);
// "APPLIED at step 120 (0.01 -> 0.001)", "REJECTED: no handler", "ACCEPTED"
std::string command_how(const v1::ControlCommand& command);
// "2026-11-23 14:05:11  mnist/t0  set-lr 0.001  by ctl:alice@host  ACCEPTED  +12 ms DELIVERED  +31 ms APPLIED at ..."
std::string history_text(const CommandHistory::Entry& entry);
// COMMAND of trainbus/trainer_json.hpp, "incarnation" (a string: it does not fit a double),
// "states":[{"state","timestamp_ms"}] as it went.
std::string history_json(const CommandHistory::Entry& entry);

}  // namespace trainbus
