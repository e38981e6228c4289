// trainbus-watch: the liveness of every trainer in a terminal, and alerts: on the bus, to channels, with actions.

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <future>
#include <iostream>
#include <list>

#include "channel_trial.hpp"
#include "rule_words.hpp"
#include "rules_file.hpp"
#include "time_flag.hpp"
#include "trainbus/broker_site.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "trainbus/state_dir.hpp"
#include "watcher.hpp"

namespace {

using namespace trainbus;

constexpr std::chrono::seconds kOnceWaits{3};

constexpr char kExamples[] = R"(Examples:
  trainbus-watch                        a table, redrawn every second, in a terminal; elsewhere a line per change
  trainbus-watch --once --json | jq     what there is now, for a script
  trainbus-watch --run mnist --no-alerts
  trainbus-watch check --rules rules.yaml          says in words what it understood; starts nothing
  trainbus-watch test --rules rules.yaml           sends one notice through every channel; exit 1 when one failed
  trainbus-watch --rules rules.yaml                raises, and tells webhooks and commands
  trainbus-watch --rules rules.yaml --act          and does what the rules' then: says

A rules file:
  channels:
    team: {webhook: "${SLACK_URL}"}
  rules:
    - {on: dead, severity: critical}
    - {on: loss_spike, above: 5x, runs: mnist*, then: set-lr 0.5x}

States: WAITING before the first step; ALIVE; PAUSED by command; STALLED: heartbeats but no step for max(10 s, 10 x
the recent step time); DEAD: three heartbeats missed; COMPLETED and FAILED: it said so; UNREACHABLE: the broker is away.
Alerts (dead, stalled, not_finite, or what --rules says) are records on the bus, once per incident, and end when the
condition does. All keys and conditions: consumers/watch/README.md and rules.example.yaml.
)";

struct Flags {
  WatchOptions watch;
  std::vector<std::string> brokers{default_broker()};
  std::string rules_file;
  bool no_alerts = false;
  double interval_ms = 1000;
};

int check(const Flags& flags) {
  for (const auto& line : in_words(flags.watch.rules))
    std::cout << line << '\n';
  return 0;
}

std::string nobody_there(const std::string& broker) {
  return "no broker answers at " + broker + " within 3 s (is trainbus-broker running?): " + control_silence(broker);
}

WatchOptions at_site(const WatchOptions& all, const BrokerSite& site) {
  auto options = all;
  options.broker = site.address;
  options.site = site.name;
  if (!options.rules.channels.empty()) options.state_dir = chosen_state_dir(all.state_dir, "watch") + '/' + site.name;
  return options;
}

// Each broker has a watcher in a thread of its own; what they say is a line each, with the broker's name before it.
int watch_each(const WatchOptions& all, const std::vector<BrokerSite>& sites) {
  std::list<Watcher> watchers;
  for (const auto& site : sites)
    watchers.emplace_back(at_site(all, site), std::cout, false);
  if (!all.once) {
    std::vector<std::future<void>> running;
    for (auto& watcher : watchers)
      running.push_back(std::async(std::launch::async, [&watcher] { watcher.run(); }));
    for (auto& each : running)
      each.get();
    return 0;
  }
  int code = 0;
  auto site = sites.begin();
  for (auto& watcher : watchers) {
    if (!watcher.show_once(kOnceWaits)) {
      std::cerr << "trainbus-watch: " << site->name << ": " << nobody_there(site->address) << '\n';
      code = 1;
    }
    ++site;
  }
  return code;
}

int watch(Flags& flags) {
  auto& options = flags.watch;
  options.interval = std::chrono::milliseconds(static_cast<std::int64_t>(flags.interval_ms));
  options.alerts = !flags.no_alerts;
  const auto sites = parse_broker_sites(flags.brokers);
  for (const auto& site : sites)
    require_key_taken(site.address);
  if (sites.size() > 1) return watch_each(options, sites);
  options.broker = sites.front().address;
  const bool on_terminal = isatty(STDOUT_FILENO) != 0 && !options.json;
  if (on_terminal && !options.once && isatty(STDERR_FILENO) != 0) spdlog::set_level(spdlog::level::off);
  Watcher watcher(options, std::cout, on_terminal);
  if (!options.once) {
    watcher.run();
    return 0;
  }
  if (watcher.show_once(kOnceWaits)) return 0;
  throw std::runtime_error(nobody_there(options.broker));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Shows whether every training is alive, stalled, paused, dead or finished; raises alerts and acts.",
               "trainbus-watch");
  Flags flags;
  app.footer(kExamples);
  app.fallthrough();
  app.require_subcommand(0, 1);
  app.add_option("--broker", flags.brokers, "base address of the broker; NAME=ADDRESS of each of several")
      ->capture_default_str()
      ->allow_extra_args(false);
  add_key_option(app);
  app.add_option("--run", flags.watch.run, "only this run");
  add_time_flag(app, "--interval", flags.interval_ms, 100, "time between two looks, e.g. 500ms or 2s")
      ->default_str("1s");
  auto* rules = app.add_option("--rules", flags.rules_file, "rules instead of dead, stalled, not_finite; see below")
                    ->type_name("FILE");
  app.add_flag("--act", flags.watch.act, "do what the rules' then: says; without it that is only mentioned")
      ->needs(rules);
  app.add_option("--state-dir", flags.watch.state_dir,
                 "how far each channel was told; one watcher each (~/.local/state/trainbus/watch)");
  app.add_flag("--no-alerts", flags.no_alerts, "only look")->excludes(rules);
  app.add_flag("--once", flags.watch.once, "show the table once and end; raises no alerts");
  app.add_flag("--json", flags.watch.json, "JSON: one object with --once, else a line per change");
  auto* checking = app.add_subcommand("check", "say in words what a rules file says, and end")->needs(rules);
  auto* testing = app.add_subcommand("test", "send one notice through every channel of a rules file, and end");
  testing->needs(rules);
  return run_program(app, argc, argv, [&] {
    try {
      if (!flags.rules_file.empty()) flags.watch.rules = load_rules(flags.rules_file);
    } catch (const RulesError& error) {
      std::cerr << error.what() << '\n';  // as compilers do, so that an editor finds the place
      return 2;
    }
    if (checking->parsed()) return check(flags);
    if (testing->parsed()) return test_channels(flags.watch.rules, flags.watch.json, std::cout);
    return watch(flags);
  });
}
