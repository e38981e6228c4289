// trainbus-log: writes the kept records of the bus through sinks.

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <list>

#include "broker_news.hpp"
#include "secrets.hpp"
#include "sink_catalog.hpp"
#include "sink_help.hpp"
#include "sink_metrics.hpp"
#include "sink_reporter.hpp"
#include "sink_site.hpp"
#include "trainbus/broker_site.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "trainbus/service.hpp"

namespace {

using namespace trainbus;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Runners = std::vector<std::unique_ptr<SinkRunner>>;

constexpr auto kTurn = 50ms;
constexpr auto kEndWithin = 1500ms;

constexpr char kExamples[] = R"(Examples:
  trainbus-log --sink jsonl:runs.jsonl
  trainbus-log --sink jsonl:runs.jsonl --sink csv:tables/          both at once
  trainbus-log --sink csv:tables/ --run mnist --kind epoch --once  what there is of one run, then end
  trainbus-log --sink jsonl:all.jsonl --sink csv:tables/,kinds=epoch,run=mnist-*
                                                                   a filter of one sink
  trainbus-log --broker lab=tcp://lab:7760 --broker far=tcp://head:7760 --sink jsonl:{site}.jsonl
                                                                   of two brokers
  trainbus-log --sink ./libmine.so:path=x                          a sink of your own (examples/sinks)
  trainbus-log --sink jsonl:- --once | jq .average_loss            to standard output
  trainbus-log sinks                                               what sinks there are
  trainbus-log sinks jsonl                                         and the options of one

Started again, or after a crash, each sink goes on where it was. One that cannot be opened, fails or hangs holds up no
other: it is tried again, and gets what it missed from the broker's journal. When none can be opened at the start, the
program ends; with --once, one that fails in the end is exit code 1.)";

// Wrong flags that only a look at the sinks shows.
struct BadUsage : std::runtime_error {
  using runtime_error::runtime_error;
};

struct Flags {
  SinkRunner::Options options{.broker = {}, .state_dir = {}};
  std::vector<std::string> brokers{default_broker()};
  std::vector<BrokerSite> sites;
  std::vector<std::string> sinks;
  SinkFilter filter;
  std::vector<std::string> kinds;
  double blocked_after_s = 10;
  MetricsFlags metrics;
  bool once = false;
  std::string told_sink;  // of the subcommand
  int argc = 0;
  char** argv = nullptr;  // of main()
  bool tell_sinks = false;
};

std::string problem(const std::function<void()>& check) {
  try {
    check();
    return {};
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

void declare(CLI::App& app, Flags& flags) {
  app.footer(kExamples);
  app.add_option("--sink", flags.sinks, "where to write, TYPE:VALUE,key=value,...; repeatable")
      ->check([](const std::string& text) { return problem([&] { parse_sink_spec(text); }); });
  app.add_option("--broker", flags.brokers,
                 "base address of the broker; NAME=ADDRESS of each of several, {site} in a sink is then the name")
      ->capture_default_str()
      ->allow_extra_args(false);
  add_key_option(app);
  auto* run = app.add_option("--run", flags.filter.run, "only runs of this name; * and ? stand for any characters")
                  ->check([](const std::string& text) { return problem([&] { check_name_pattern("run", text); }); });
  app.add_option("--trainer", flags.filter.trainer, "only trainers of this name")
      ->needs(run)
      ->check([](const std::string& text) { return problem([&] { check_name_pattern("trainer", text); }); });
  std::vector<std::string> names;
  for (const Kind kind : kKeptKinds)
    names.emplace_back(kind_name(kind));
  app.add_option("--kind", flags.kinds, "only this kind; repeatable")->check(CLI::IsMember(names));
  app.add_flag("--once", flags.once, "write what there is and end, instead of going on live");
  app.add_option("--state-dir", flags.options.state_dir,
                 "positions of sinks that cannot tell theirs (~/.local/state/trainbus/log)");
  app.add_option("--blocked-after", flags.blocked_after_s, "seconds after which a sink that hangs counts as failing")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 3600.0));
  app.add_option("--metrics", flags.metrics.listen, "serve how the sinks do to Prometheus, as 127.0.0.1:9465");
  app.add_option("--metrics-host", flags.metrics.host_names,
                 "a name by which that may be asked, beside localhost; repeatable");
  app.add_option("--metrics-token", flags.metrics.token_file,
                 "file with the token that who asks must show: Authorization: Bearer TOKEN");
  auto* sinks = app.add_subcommand("sinks", "tell what sinks there are, and their options");
  sinks->add_option("NAME", flags.told_sink, "only this one");
  app.callback([&app, &flags, sinks] {
    flags.tell_sinks = sinks->parsed();
    if (flags.sinks.empty() && app.get_subcommands().empty())
      throw CLI::RequiredError("--sink (for example jsonl:runs.jsonl)");
  });
}

std::vector<SinkPlan> plans_of(const Flags& flags, const BrokerSite& site) {
  std::vector<SinkPlan> plans;
  for (const auto& text : flags.sinks) {
    auto spec = parse_sink_spec(text);
    const auto& type = sink_type_named(spec.type);
    if (flags.sites.size() > 1) spec = sink_at_site(std::move(spec), type, site.name);
    plans.push_back(plan_sink(spec, type, flags.filter));
    if (flags.once && plans.back().type->position == TRAINBUS_SINK_LIVE)
      throw BadUsage(plans.back().label + " wants live records only: there is nothing for it to do with --once");
  }
  make_labels_unique(plans);
  if (flags.sites.size() > 1)
    for (auto& plan : plans)
      add_site_to_label(plan, site.name);
  return plans;
}

// Passwords in our own arguments, which `ps` shows to every user, are overwritten. The labels of the sinks that had
// one.
std::vector<std::string> hide_passwords(const std::vector<SinkPlan>& plans, const Flags& flags) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const Secrets secrets(plans[i]);
    bool hidden = false;
    for (int j = 1; j < flags.argc; ++j)
      if (std::string_view(flags.argv[j]).ends_with(flags.sinks[i])) hidden |= hide_in_argument(flags.argv[j], secrets);
    if (hidden) labels.push_back(plans[i].label);
  }
  return labels;
}

void warn_of_passwords(const std::vector<std::string>& labels) {
  for (const auto& label : labels)
    spdlog::warn(
        "{}: a password on the command line can be seen by every user of this machine; give it in a file "
        "(\"trainbus-log sinks NAME\" tells how)",
        label);
}

Runners runners_of(Flags& flags) {
  for (const auto& name : flags.kinds)
    flags.filter.kinds.push_back(kind_from_name(name));
  flags.options.blocked_after = std::chrono::milliseconds(static_cast<std::int64_t>(flags.blocked_after_s * 1000));
  Runners runners;
  std::vector<std::string> with_passwords;
  try {
    for (const auto& site : flags.sites) {
      auto plans = plans_of(flags, site);
      std::ranges::copy(hide_passwords(plans, flags), std::back_inserter(with_passwords));
      flags.options.broker = site.address;
      for (auto& plan : plans)
        runners.push_back(std::make_unique<SinkRunner>(std::move(plan), flags.options));
    }
  } catch (const std::invalid_argument& error) {
    throw BadUsage(std::string("--sink ") + error.what());
  }
  warn_of_passwords(with_passwords);
  return runners;
}

enum class Say { kNothing, kWhatFailed };

// Asks all to end. One that hangs is left behind: then the process must end without it.
int finish(const Runners& runners, Say say = Say::kWhatFailed) {
  for (const auto& runner : runners)
    runner->stop();
  const auto until = Clock::now() + kEndWithin;
  int status = 0;
  bool left_behind = false;
  for (const auto& runner : runners) {
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const bool ended = runner->ended(std::chrono::duration_cast<std::chrono::milliseconds>(left));
    const auto report = runner->report();
    if (!ended)
      std::cerr << "trainbus-log: " << report.label
                << " hangs in a call and is left behind; it goes on there next time\n";
    else if (report.failing() && say == Say::kWhatFailed)
      std::cerr << "trainbus-log: " << report.label << " failed: " << report.trouble() << '\n';
    left_behind |= !ended;
    if (!ended || report.failing() || !report.over.empty()) status = 1;
  }
  if (left_behind) {
    std::cout.flush();
    std::cerr.flush();
    _exit(std::cout ? status : 1);
  }
  return status;
}

enum class Opened { kSome, kNone, kStopped };

// Waits until each sink is open or has failed to open, but for one that hangs: that one is blocked like any other. One
// that failed stops no other: it is said, and tried again.
Opened open(const Runners& runners, const Flags& flags) {
  for (const auto& runner : runners)
    runner->start();
  const auto until = Clock::now() + flags.options.blocked_after;
  std::vector<std::string> failures;
  for (const auto& runner : runners) {
    std::optional<std::string> failure;
    while (!(failure = runner->opening(kTurn)) && Clock::now() < until)
      if (stop_requested()) return Opened::kStopped;
    if (failure && !failure->empty())
      failures.push_back("--sink " + runner->plan().text() + " cannot be written: " + *failure);
  }
  const bool none = failures.size() == runners.size();
  for (const auto& failure : failures)
    if (none)
      std::cerr << "trainbus-log: " << failure << '\n';
    else
      spdlog::error("{}; it is tried again, the others go on", failure);
  return none ? Opened::kNone : Opened::kSome;
}

std::vector<SinkReport> reports_of(const Runners& runners) {
  std::vector<SinkReport> reports;
  for (const auto& runner : runners)
    reports.push_back(runner->report());
  return reports;
}

// True when there is no more to do: all have ended, or with --once each has what there is, or fails.
bool is_done(const std::vector<SinkReport>& reports, const Flags& flags) {
  return std::ranges::all_of(reports, [&](const SinkReport& report) {
    return !report.over.empty() || (flags.once && (report.caught_up || report.failing()));
  });
}

void write(const Runners& runners, const Flags& flags, std::list<BrokerNews>& news) {
  const auto start = Clock::now();
  for (const auto& site : flags.sites)
    news.emplace_back(site, runners, start);
  std::vector<SinkReporter> reporters;
  for (const auto& runner : runners)
    reporters.emplace_back(runner->broker(), start);
  service_ready();
  while (!wait_or_stop(kTurn)) {
    reload_if_asked();
    const auto now = Clock::now();
    const auto reports = reports_of(runners);
    for (std::size_t i = 0; i < reports.size(); ++i)
      reporters[i].turn(reports[i], now);
    if (is_done(reports, flags)) break;
    for (auto& each : news)
      each.turn(reports, now, flags.once);
  }
  for (auto& each : news)
    each.end(flags.once);
}

int run(Flags& flags) {
  if (flags.tell_sinks) {
    std::cout << (flags.told_sink.empty() ? sinks_text() : sink_text(flags.told_sink)) << std::flush;
    return 0;
  }
  flags.sites = parse_broker_sites(flags.brokers);
  const auto runners = runners_of(flags);
  std::list<BrokerNews> news;
  for (const auto& site : flags.sites)
    require_key_taken(site.address);
  try {
    std::unique_ptr<MetricsServer> metrics;
    if (!flags.metrics.listen.empty())
      metrics = serve_sink_metrics(flags.metrics, [&runners] { return reports_of(runners); });
    const auto opened = open(runners, flags);
    if (opened == Opened::kNone) return finish(runners, Say::kNothing);
    if (opened == Opened::kSome) write(runners, flags, news);
  } catch (const std::exception& error) {
    std::cerr << "trainbus-log: " << error.what() << '\n';
    finish(runners);
    return 1;
  }
  const int status = finish(runners);
  for (auto& each : news)
    each.say_archived(reports_of(runners));
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes every kept record of the bus into files, databases and other places.", "trainbus-log"};
  Flags flags;
  flags.argc = argc;
  flags.argv = argv;
  declare(app, flags);
  return run_program(app, argc, argv, [&] {
    try {
      return run(flags);
    } catch (const BadUsage& error) {
      std::cerr << "trainbus-log: " << error.what() << " (--help shows the flags)\n";
      return 2;
    }
  });
}
