// trainbus-watch: the liveness of every trainer in a terminal, and alerts on the bus.

#include <unistd.h>

#include <iostream>

#include "time_flag.hpp"
#include "trainbus/program.hpp"
#include "watcher.hpp"

namespace {

constexpr char kExamples[] = R"(Examples:
  trainbus-watch                        a table, redrawn every second, in a terminal; elsewhere a line per change
  trainbus-watch --once --json | jq     what there is now, for a script
  trainbus-watch --run mnist --no-alerts

States: WAITING before the first step; ALIVE; PAUSED by command; STALLED: heartbeats but no step for max(10 s, 10 x
the recent step time); DEAD: three heartbeats missed; COMPLETED and FAILED: it said so; UNREACHABLE: the broker is away.
Alerts (dead, stalled, not_finite) are records on the bus, once per incident, and end when the condition does.
)";

}  // namespace

int main(int argc, char** argv) {
  using namespace trainbus;
  CLI::App app("Shows whether every training is alive, stalled, paused, dead or finished; raises alerts.",
               "trainbus-watch");
  WatchOptions options;
  bool no_alerts = false;
  double interval_ms = 1000;
  app.footer(kExamples);
  app.add_option("--broker", options.broker, "base address of the broker")->capture_default_str();
  app.add_option("--run", options.run, "only this run");
  add_time_flag(app, "--interval", interval_ms, 100, "time between two looks, e.g. 500ms or 2s")->default_str("1s");
  app.add_flag("--no-alerts", no_alerts, "only look");
  app.add_flag("--once", options.once, "show the table once and end; raises no alerts");
  app.add_flag("--json", options.json, "JSON: one object with --once, else a line per change");
  return run_program(app, argc, argv, [&] {
    options.interval = std::chrono::milliseconds(static_cast<std::int64_t>(interval_ms));
    options.alerts = !no_alerts;
    Watcher watcher(options, std::cout, isatty(STDOUT_FILENO) != 0 && !options.json);
    if (!options.once) {
      watcher.run();
      return 0;
    }
    if (watcher.show_once(std::chrono::seconds(3))) return 0;
    throw std::runtime_error("no broker answers at " + options.broker + " within 3 s (is trainbus-broker running?)");
  });
}
