#pragma once
// What trainbus-ctl can do, one function a verb. Each returns the exit code and throws std::runtime_error with one line
// when no broker answers.

#include <chrono>
#include <string>
#include <vector>

#include "trainbus/wire.hpp"

namespace trainbus {

class ControlClient;

struct CtlOptions {
  std::string broker;
  bool json = false;
};

struct CommandOptions {
  std::string session;  // "run/trainer" or "run/*"
  v1::ControlCommand command;
  std::chrono::milliseconds deadline{30'000};
  bool wait = true;  // for the end; false: only until the journal has accepted it
};

struct HistoryOptions {
  std::string session;  // "run", "run/trainer", "run/*"; "": all
  std::string trainer;  // of the run
  std::string export_file;
};

struct TailOptions {
  std::vector<std::string> kinds;  // names; empty: all kept kinds
  std::string run, trainer;
  bool history = false;
  bool once = false;        // what there is, then end
  std::uint64_t count = 0;  // end after so many; 0: never
};

// Throws: what the broker refused, or that none answers.
[[noreturn]] void no_answer(const CtlOptions& ctl, const ControlClient& client);

int list_trainers(const CtlOptions& ctl, const std::string& run);
// Everything of each addressed trainer ("run/trainer" or "run/*"). Throws when there is none.
int show_trainers(const CtlOptions& ctl, const std::string& session);
// What each addressed trainer lets people change.
int show_knobs(const CtlOptions& ctl, const std::string& session);
// 0 only when every addressed trainer applied it.
int send_command(const CtlOptions& ctl, const CommandOptions& options);
// The history of every command, or with export_file the edits that were applied to one trainer, as a schedule.
int show_commands(const CtlOptions& ctl, const HistoryOptions& options);
// 0 when every sum of the ledger closes; looks again for `wait` until they do.
int show_ledger(const CtlOptions& ctl, const std::string& run, std::chrono::milliseconds wait);
int tail(const CtlOptions& ctl, const TailOptions& options);
int show_stats(const CtlOptions& ctl);

}  // namespace trainbus
