#pragma once
// Commands and records as lines for people, and commands as JSON.

#include <string>

#include "command_history.hpp"
#include "trainbus/consumer.hpp"

namespace trainbus {

// "set-lr 0.001"
std::string command_what(const v1::ControlCommand& command);
// "APPLIED at step 120 (0.01 -> 0.001)", "REJECTED: no handler", "ACCEPTED"
std::string command_how(const v1::ControlCommand& command);
// {"command_id","run","trainer","type","value","state","issuer","applied_step","old_value","new_value","reason",
// "timestamp_ms"}
std::string command_json(const std::string& session_id, const v1::ControlCommand& command, std::int64_t timestamp_ms);

// "2026-11-23 14:05:11  mnist/t0  set-lr 0.001  by ctl:alice@host  ACCEPTED  +12 ms DELIVERED  +31 ms APPLIED at ..."
std::string history_text(const CommandHistory::Entry& entry);
// command_json, "incarnation" (a string: it does not fit a double), "states":[{"state","timestamp_ms"}] as it went.
std::string history_json(const CommandHistory::Entry& entry);

// "14:05:11  mnist/t0  epoch    3  loss 0.21  accuracy 0.93 ..."
std::string record_text(const Record& record);

}  // namespace trainbus
