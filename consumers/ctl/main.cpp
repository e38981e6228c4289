// trainbus-ctl: lists trainers, commands them, shows what is on the bus.

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "backup_verb.hpp"
#include "doctor.hpp"
#include "each_site.hpp"
#include "history_verbs.hpp"
#include "time_flag.hpp"
#include "trainbus/broker_site.hpp"
#include "trainbus/endpoints.hpp"
#include "trainbus/host_name.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/key_option.hpp"
#include "trainbus/program.hpp"
#include "verbs.hpp"

namespace {

using namespace trainbus;

constexpr char kExamples[] = R"(Examples:
  trainbus-ctl list                          who trains, and how far
  trainbus-ctl pause mnist/t0                waits until it is applied at a step, and says at which
  trainbus-ctl set-lr 'mnist/*' 0.001        all trainers of a run
  trainbus-ctl show mnist/t0                 its values, parameters, tags, notes
  trainbus-ctl knobs mnist/t0                what this trainer lets people change or ask for
  trainbus-ctl set mnist/t0 weight_decay 0.01    changes one of these, at the next step
  trainbus-ctl set mnist/t0 save_checkpoint  asks for an action
  trainbus-ctl commands mnist                who changed what of which trainer, and how it ended
  trainbus-ctl commands mnist --trainer t0 --export edits.txt    as a schedule: trainbus-train --schedule edits.txt
  trainbus-ctl ledger mnist --wait 10s       is everything stored? what was lost where? exit 1 when a sum stays open
  trainbus-ctl tail --kind epoch --run mnist --history
  trainbus-ctl tail --json --once > run.jsonl
  trainbus-ctl archive 'mnist-*' --older-than 30d --dry-run    out of lists, still on disk; restore brings them back
  trainbus-ctl delete 'try-*/t?' --older-than 90d    for good, and asks first; a live trainer is never touched
  trainbus-ctl backup journal-2026-11.sqlite     a checked copy of the journal, while the broker works
  trainbus-ctl --broker lab=tcp://lab:7760 --broker far=tcp://head:7760 list     both, one after the other
  trainbus-ctl doctor --broker tcp://head:7760   what stands between here and that broker, and what to do about it

SESSION is RUN/TRAINER, or RUN/* (in quotes) for every trainer of a run. Where two trainers of one name are alive,
RUN/TRAINER@INCARNATION is one of them, as list shows it (mnist/t0@3f2a1) or by the whole number. A command exits 0 only when every
addressed trainer applied it. A knob that the trainer does not offer, and a value out of its range, is refused by the
broker with the reason.
)";

std::string issuer() {
  const passwd* user = getpwuid(geteuid());
  return ("ctl:" + std::string(user != nullptr ? user->pw_name : "?") + '@' + host_name()).substr(0, 128);
}

const CLI::Validator kSession(
    [](const std::string& text) {
      return parse_trainer_address(text) ? std::string{}
                                         : "'" + text + "' is not RUN/TRAINER, RUN/TRAINER@INCARNATION or RUN/*";
    },
    "");

const CLI::Validator kName(
    [](const std::string& text) {
      return valid_name(text) ? std::string{} : "'" + text + "' is not [A-Za-z0-9._-]{1,64}, and not of dots alone";
    },
    "");

const CLI::Validator kRunOrSession(
    [](std::string& text) {
      const auto address = parse_trainer_address(text);
      return valid_name(text) || (address && address->incarnation.empty())
                 ? std::string{}
                 : "'" + text + "' is not RUN, RUN/TRAINER or RUN/*";
    },
    "");

CLI::Validator value_for(v1::CommandType type) {
  return CLI::Validator(
      [type](const std::string& text) {
        v1::ControlCommand command;
        command.set_type(type);
        command.set_command_id(new_command_id());
        (*command.mutable_parameters())["value"] = text;
        return command_problem(command);
      },
      "");
}

struct Flags {
  CtlOptions ctl{default_broker()};
  std::vector<std::string> brokers{default_broker()};
  std::string site;
  CommandOptions command;
  std::string knob;
  std::string value;
  bool has_value = false;  // also an empty one, which the broker refuses with the range
  double deadline_ms = 30'000;
  bool no_wait = false;
  std::string run;
  std::string session;
  double wait_ms = 0;
  HistoryOptions history;
  TailOptions tail;
  HistoryChange change;
  bool archived = false;
  std::string backup_file;
  bool force = false;
};

CLI::Option* add_session(CLI::App& verb, std::string& session) {
  return verb.add_option("session", session, "RUN/TRAINER or 'RUN/*'")->required()->check(kSession);
}

void add_waiting(CLI::App& verb, Flags& flags) {
  add_time_flag(verb, "--deadline", flags.deadline_ms, 1, "it must be applied within this time")->default_str("30s");
  verb.add_flag("--no-wait", flags.no_wait, "return once the broker has accepted it");
}

void add_command(CLI::App& app, Flags& flags, v1::CommandType type, const char* description,
                 const char* value_name = nullptr) {
  auto* verb = app.add_subcommand(std::string(command_verb(type)), description);
  add_session(*verb, flags.command.session);
  if (value_name != nullptr) verb->add_option(value_name, flags.value)->required()->check(value_for(type));
  add_waiting(*verb, flags);
  verb->callback([&flags, type] { flags.command.command.set_type(type); });
}

// Which knobs there are, and which values they take, only the trainer's plan says: the broker checks them.
void add_set(CLI::App& app, Flags& flags) {
  auto* verb =
      app.add_subcommand(std::string(command_verb(v1::SET_KNOB)), "change a knob of the trainer, or ask for an action");
  add_session(*verb, flags.command.session);
  verb->add_option("name", flags.knob, "the knob, see knobs")->required()->check(kName);
  auto* value = verb->add_option("value", flags.value, "its new value; none for an action");
  add_waiting(*verb, flags);
  verb->callback([&flags, value] {
    flags.command.command.set_type(v1::SET_KNOB);
    flags.has_value = value->count() > 0;
  });
}

void add_tail(CLI::App& app, Flags& flags) {
  auto* verb = app.add_subcommand("tail", "print records as they come, a line each");
  std::vector<std::string> names;
  for (const Kind kind : kKeptKinds)
    names.emplace_back(kind_name(kind));
  verb->add_option("--kind", flags.tail.kinds, "only this kind; repeatable")->check(CLI::IsMember(names));
  verb->add_option("--run", flags.tail.run, "only this run");
  verb->add_option("--trainer", flags.tail.trainer, "only this trainer of the run");
  verb->add_flag("--history", flags.tail.history, "from the beginning, not only what comes from now on");
  verb->add_flag("--once", flags.tail.once, "what there is, then end");
  verb->add_option("-n,--count", flags.tail.count, "end after so many records");
}

CLI::App* add_commands(CLI::App& app, Flags& flags) {
  auto* verb = app.add_subcommand("commands", "every command, each state it reached, and how it ended");
  auto* session = verb->add_option("session", flags.history.session, "RUN, RUN/TRAINER or 'RUN/*'; default: all")
                      ->check(kRunOrSession);
  verb->add_option("--trainer", flags.history.trainer, "only this trainer of the run")->check(kName)->needs(session);
  verb->add_option("--export", flags.history.export_file,
                   "write what was applied to one trainer as a schedule for trainbus-train --schedule")
      ->type_name("FILE")
      ->needs(session);
  return verb;
}

void add_history_change(CLI::App& app, Flags& flags, v1::CommandType type, const char* description) {
  auto* verb = app.add_subcommand(std::string(command_verb(type)), description);
  verb->add_option("pattern", flags.change.patterns, "RUN or RUN/TRAINER; * ? [] as in a shell, in quotes")->required();
  verb->add_option("--older-than", flags.change.older_than_ms, "only those whose last record is older: 30d, 12h, 45m")
      ->type_name("TIME")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, std::int64_t>{{"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}},
          CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME"))
      ->check(CLI::PositiveNumber.description("").application_index(0));
  verb->add_flag("--dry-run", flags.change.dry_run, "say what would be done, with records and bytes, and do nothing");
  if (type == v1::DELETE_HISTORY) verb->add_flag("--yes", flags.change.yes, "do not ask");
  verb->callback([&flags, type] { flags.change.type = type; });
}

int send(Flags& flags) {
  auto& command = flags.command.command;
  command.set_command_id(new_command_id());
  command.set_issuer(issuer());
  if (!flags.knob.empty()) (*command.mutable_parameters())["name"] = flags.knob;
  if (flags.has_value || !flags.value.empty()) (*command.mutable_parameters())["value"] = flags.value;
  flags.command.deadline = std::chrono::milliseconds(static_cast<std::int64_t>(flags.deadline_ms));
  flags.command.wait = !flags.no_wait;
  return send_command(flags.ctl, flags.command);
}

// Those that were given, or the one that --site names: none, when it names none.
std::vector<BrokerSite> sites_of(const Flags& flags) {
  auto sites = parse_broker_sites(flags.brokers);
  if (!flags.site.empty()) std::erase_if(sites, [&](const BrokerSite& site) { return site.name != flags.site; });
  return sites;
}

int bad_usage(const std::string& what) {
  std::cerr << "trainbus-ctl: " << what << " (--help shows the flags)\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Lists trainings, commands them, shows what is on the bus.", "trainbus-ctl");
  Flags flags;
  app.footer(kExamples);
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--broker", flags.brokers, "base address of the broker; NAME=ADDRESS of each of several")
      ->capture_default_str()
      ->allow_extra_args(false);
  app.add_option("--site", flags.site, "of several brokers only the one of this name")->type_name("NAME");
  add_key_option(app);
  app.add_flag("--json", flags.ctl.json, "print JSON: one object, or one a line");

  auto* list = app.add_subcommand("list", "the trainers and their state");
  list->add_option("run", flags.run, "only this run");
  list->add_flag("--archived", flags.archived, "all that the journal has, archived and long ended ones too");
  add_command(app, flags, v1::PAUSE_TRAINING, "wait at the next step boundary");
  add_command(app, flags, v1::RESUME_TRAINING, "go on");
  add_command(app, flags, v1::STOP_TRAINING, "end the training in good order");
  add_command(app, flags, v1::CHANGE_LEARNING_RATE, "change the learning rate", "rate");
  add_command(app, flags, v1::ADJUST_BATCH_SIZE, "change the batch size", "size");
  add_set(app, flags);
  auto* knobs = app.add_subcommand("knobs", "what a trainer lets people change or ask for");
  add_session(*knobs, flags.session);
  auto* show = app.add_subcommand("show", "one trainer in full: values, parameters, tags, notes");
  add_session(*show, flags.session);
  auto* commands = add_commands(app, flags);
  add_tail(app, flags);
  auto* ledger =
      app.add_subcommand("ledger", "where everything is that the trainers gave out; exit 1 when a sum does not close");
  ledger->add_option("run", flags.run, "only this run");
  add_time_flag(*ledger, "--wait", flags.wait_ms, 0, "look again for so long until every sum closes")
      ->default_str("0s");
  add_history_change(app, flags, v1::ARCHIVE_HISTORY, "take trainers out of lists; their records stay");
  add_history_change(app, flags, v1::RESTORE_HISTORY, "put archived trainers back into lists");
  add_history_change(app, flags, v1::DELETE_HISTORY,
                     "delete the records of trainers for good, and get their space back");
  auto* backup = app.add_subcommand("backup", "write a consistent copy of the journal, while the broker works");
  backup->add_option("file", flags.backup_file, "the copy; FILE.part until it is whole and checked")->required();
  backup->add_flag("--force", flags.force, "write over FILE");
  auto* stats = app.add_subcommand("stats", "the broker's counters and gauges");
  auto* doctor = app.add_subcommand(
      "doctor",
      "check ports, key, clock, limits, versions and disks from here, and say what to do; exit 1 when one is bad");

  const auto run_verb = [&] {
    if (doctor->parsed()) return examine(flags.ctl);
    require_key_taken(flags.ctl.broker);
    if (list->parsed() && flags.archived) return list_history(flags.ctl, flags.run);
    if (list->parsed()) return list_trainers(flags.ctl, flags.run);
    if (backup->parsed()) return back_up_journal(flags.ctl, flags.backup_file, flags.force);
    if (flags.change.type != v1::UNKNOWN_COMMAND) {
      flags.change.issuer = issuer();
      return change_history(flags.ctl, flags.change);
    }
    if (knobs->parsed()) return show_knobs(flags.ctl, flags.session);
    if (show->parsed()) return show_trainers(flags.ctl, flags.session);
    if (commands->parsed()) return show_commands(flags.ctl, flags.history);
    if (app.got_subcommand("tail")) return tail(flags.ctl, flags.tail);
    if (ledger->parsed())
      return show_ledger(flags.ctl, flags.run, std::chrono::milliseconds(static_cast<std::int64_t>(flags.wait_ms)));
    if (stats->parsed()) return show_stats(flags.ctl);
    return send(flags);
  };
  return run_program(app, argc, argv, [&] {
    const auto at = sites_of(flags);
    const bool only_looks = app.got_subcommand(list) || app.got_subcommand(knobs) || app.got_subcommand(show) ||
                            app.got_subcommand(ledger) || app.got_subcommand(stats) || app.got_subcommand(doctor);
    if (at.empty()) return bad_usage("--site '" + flags.site + "': no --broker has this name");
    if (at.size() > 1 && !only_looks) return bad_usage(several_text(at));
    return at_each_site(at, flags.ctl, run_verb);
  });
}
