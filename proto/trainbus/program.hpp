#pragma once
// What every program of the bus has in common: flags, exit codes, signals, one-line errors.

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace trainbus {

const char* version();

// Set by SIGINT and SIGTERM; every loop looks at it at least every 100 ms.
bool stop_requested();
// "SIGINT" or "SIGTERM", the first that came; "" before.
const char* stop_signal();
// Waits until the time has passed or a stop is asked for; true when asked for.
bool wait_or_stop(std::chrono::milliseconds time);

// Runs a program: adds --version, the flags of the log and what Configuration adds; parses (--help exits 0, bad usage
// is a line and exits 2); installs the signal handlers, holds SIGHUP for reload_if_asked(), raises the limit of open
// files, sends logs to stderr, and turns an exception into "NAME: what" and exit code 1. `run` returns the exit code.
// What is printed goes through std::cout; what could not be written is one line on stderr and exit code 1, whatever
// `run` returns: a full disk, a closed pipe. std::cout is then bad, so a loop that prints can end early.
int run_program(CLI::App& app, int argc, char** argv, const std::function<int()>& run);

// Throws unless `insecure` is set or every address of `host`, a name or an address, is loopback.
void require_loopback(const std::string& flag, const std::string& host, bool insecure);

}  // namespace trainbus
