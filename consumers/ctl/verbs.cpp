#include "verbs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>

#include "command_history.hpp"
#include "command_text.hpp"
#include "ledger_text.hpp"
#include "limit_text.hpp"
#include "record_text.hpp"
#include "text_forms.hpp"
#include "trainbus/consumer.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/program.hpp"
#include "trainbus/record_json.hpp"
#include "trainbus/request_line.hpp"
#include "trainbus/storing.hpp"
#include "trainbus/trainer_json.hpp"
#include "trainbus/trainer_table.hpp"
#include "trainer_rows.hpp"
#include "trainer_text.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = 3s;
constexpr auto kTurn = 50ms;

[[noreturn]] void no_broker(const CtlOptions& ctl) {
  throw std::runtime_error("no broker answers at " + ctl.broker +
                           " within 3 s (is trainbus-broker running?): " + control_silence(ctl.broker));
}

void say(const std::string& line) { std::cout << line << '\n' << std::flush; }

void say_all(const std::vector<std::string>& lines) {
  for (const auto& line : lines)
    say(line);
}

// What the broker lists now.
TrainerTable table_of(const CtlOptions& ctl, ControlClient& client, v1::ListRequest request, std::int64_t now_ms) {
  const auto list = client.list(std::move(request), kPatience);
  if (!list) no_answer(ctl, client);
  TrainerTable table;
  table.update(*list, now_ms);
  return table;
}

TrainerTable table_of(const CtlOptions& ctl, v1::ListRequest request, std::int64_t now_ms) {
  ControlClient client(ctl.broker);
  return table_of(ctl, client, std::move(request), now_ms);
}

// Of a run ("": of all).
v1::ListRequest of_run(const std::string& run) {
  v1::ListRequest request;
  request.set_run(run);
  return request;
}

// Of "run/trainer" or "run/*".
v1::ListRequest of_session(const std::string& session) {
  const auto slash = session.find('/');
  auto request = of_run(session.substr(0, slash));
  if (!session.ends_with("/*")) request.set_trainer(session.substr(slash + 1));
  return request;
}

// With all that they said. `address` may name an incarnation.
v1::ListRequest whole_of(const std::string& address) {
  const auto named = parse_trainer_address(address).value();
  auto request = of_session(named.session_id);
  request.set_whole(true);
  request.set_older(!named.incarnation.empty());
  return request;
}

// The incarnation that an address names; 0: none. Throws with one line when there is no such one, or more than one.
std::uint64_t named_incarnation(const CtlOptions& ctl, ControlClient& client, const TrainerAddress& address) {
  if (address.incarnation.empty()) return 0;
  auto request = of_session(address.session_id);
  request.set_older(true);
  const auto list = client.list(std::move(request), kPatience);
  if (!list) no_answer(ctl, client);
  std::vector<std::uint64_t> meant;
  std::string alive;
  for (const auto& entry : list->trainers()) {
    if (means_incarnation(address.incarnation, entry.incarnation())) meant.push_back(entry.incarnation());
    if (entry.live()) alive += ' ' + incarnation_address(address.session_id, entry.incarnation());
  }
  const std::string text = address.session_id + '@' + address.incarnation;
  if (meant.empty())
    throw std::runtime_error("no trainer '" + text + "'; alive of this name:" + (alive.empty() ? " none" : alive));
  if (meant.size() > 1)
    throw std::runtime_error('\'' + text + "' means " + std::to_string(meant.size()) + " incarnations, " +
                             std::to_string(meant[0]) + " and " + std::to_string(meant[1]) +
                             " among them: give the whole number");
  return meant[0];
}

// Of a table of `session`; throws when there are none. Valid as long as `table` is.
std::vector<TrainerTable::Row> addressed_rows(const TrainerTable& table, const std::string& session,
                                              std::int64_t now_ms) {
  auto rows = table.rows(now_ms);
  const auto wanted = parse_trainer_address(session).value().incarnation;
  if (!wanted.empty())
    std::erase_if(rows, [&](const auto& row) { return !means_incarnation(wanted, row.view->figures().incarnation); });
  if (rows.empty()) throw std::runtime_error("no trainer '" + session + '\'');
  return rows;
}

// Reads records until `take` says that it has enough, the history ended (with `once`), or a stop is asked for.
template <class Take>
void read(const CtlOptions& ctl, Consumer& consumer, bool once, const Take& take) {
  const auto give_up = Clock::now() + kPatience;
  bool seen_broker = false, away = false;
  std::string trouble, silent_port;
  while (!stop_requested() && std::cout) {
    const auto* record = consumer.next(kTurn);
    if (record != nullptr && !take(*record)) return;
    if (record == nullptr) std::cout << std::flush;  // nothing more for now: whoever reads a pipe gets what there is
    if (record == nullptr && once && consumer.caught_up()) return;
    if (consumer.journal_trouble() != trouble) {
      trouble = consumer.journal_trouble();
      if (once) throw std::runtime_error("the broker does not give its journal: " + trouble);
      if (!trouble.empty()) spdlog::warn("the broker does not give its journal: {}", trouble);
    }
    if (!seen_broker && !consumer.connected() && Clock::now() > give_up) no_broker(ctl);
    if (seen_broker && consumer.port_trouble() != silent_port) {
      silent_port = consumer.port_trouble();
      spdlog::warn("{}", silent_port.empty() ? "every port of the broker answers again" : silent_port);
    }
    if (seen_broker && consumer.connected() == away) {
      away = !away;
      spdlog::warn("the broker at {} {}", ctl.broker, away ? "is away" : "is back");
    }
    seen_broker = seen_broker || consumer.connected();
  }
}

ConsumerOptions commands_of(const CtlOptions& ctl, const std::string& session) {
  ConsumerOptions wanted;
  wanted.broker = ctl.broker;
  wanted.kinds = {v1::KIND_COMMAND};
  const auto slash = session.find('/');
  if (!session.empty()) wanted.run = session.substr(0, slash);
  if (slash != std::string::npos && session.substr(slash + 1) != "*") wanted.trainer = session.substr(slash + 1);
  return wanted;
}

// The states of one command on its way, told as they come.
class CommandProgress {
 public:
  CommandProgress(const CtlOptions& ctl, const std::vector<v1::AddressedCommand>& addressed) : ctl_(ctl) {
    for (const auto& entry : addressed)
      states_[entry.session_id()] = v1::COMMAND_STATE_UNSET;
  }
  void take(const std::string& session_id, const v1::ControlCommand& command, std::int64_t timestamp_ms) {
    const auto found = states_.find(session_id);
    if (found == states_.end() || command.state() <= found->second) return;
    found->second = command.state();
    say(ctl_.json ? command_json(session_id, command, timestamp_ms)
                  : session_id + "  " + command_what(command) + "  " + command_how(command));
    if (command_ended(command.state()) && command.state() != v1::COMMAND_APPLIED)
      problem_ = session_id + ' ' + command_how(command);
  }
  bool ended() const {
    for (const auto& [session_id, state] : states_)
      if (!command_ended(state)) return false;
    return true;
  }
  // One line when not everybody applied it.
  const std::string& problem() const { return problem_; }

 private:
  const CtlOptions& ctl_;
  std::map<std::string, v1::CommandState> states_;
  std::string problem_;
};

// The end comes at the latest when the broker gives up on a trainer that took the command and fell silent.
constexpr auto kPastDeadline = 40s;
constexpr auto kAskForEnd = 500ms;

// Each state as its record comes. The control port is asked as well: it knows the end also where the data port does not
// answer.
void wait_for_end(const CtlOptions& ctl, ControlClient& client, const CommandOptions& options,
                  const std::string& session, const std::string& id, CommandProgress& progress) {
  Consumer consumer(commands_of(ctl, session));
  const auto until = Clock::now() + options.deadline + kPastDeadline;
  for (auto ask_at = Clock::now() + kAskForEnd; !progress.ended();) {
    if (stop_requested() || Clock::now() > until)
      throw std::runtime_error("stopped waiting before the end; 'trainbus-ctl commands " + session + "' shows it");
    if (const auto* record = consumer.next(kTurn); record != nullptr && record->message.command().command_id() == id)
      progress.take(record->message.session_id(), record->message.command(), record_ms(record->message));
    if (Clock::now() < ask_at) continue;
    ask_at = Clock::now() + kAskForEnd;
    if (const auto found = client.find(id, kAskForEnd))
      for (const auto& entry : found->commands)
        progress.take(entry.session_id(), entry.command(), unix_ms());
  }
}

void warn_of(const std::string& trouble) {
  if (!trouble.empty()) spdlog::warn("{}", trouble);
}

// What a list by itself does not show.
void add_remarks(ControlClient& client) {
  const auto stats = client.stats(kPatience);
  if (!stats) return;
  const auto older = stats->counters().find("sessions_left_out_of_lists_total");
  if (older != stats->counters().end() && older->second > 0)
    spdlog::info("{} more are older, of all runs: trainbus-ctl list --archived shows them too", older->second);
  warn_of(storing_trouble(*stats));
  warn_of(journal_losses(*stats));
}

// The broker counts what is alive, or was last: of older incarnations only their records are left.
void say_what_the_ledger_leaves_out(ControlClient& client, const std::string& run) {
  auto request = of_run(run);
  request.set_older(true);
  const auto list = client.list(request, kPatience);
  if (!list) return;
  const auto older =
      std::ranges::count_if(list->trainers(), [](const auto& entry) { return !entry.newest() && !entry.live(); });
  if (older > 0) spdlog::info("{} older incarnations of this run are not in the ledger, nor what they lost", older);
}

int export_edits(const CommandHistory::Edits& applied, const std::string& file) {
  std::ofstream out(file);
  out << "# edits of " << applied.session_id << ", incarnation " << applied.incarnation << ", started "
      << date_text(static_cast<std::int64_t>(applied.incarnation >> 20)) << '\n'
      << schedule_text(applied.edits) << std::flush;
  if (!out) throw std::runtime_error("cannot write " + file + ": " + std::strerror(errno));
  spdlog::info("{} edits of {} in {}", applied.edits.size(), applied.session_id, file);
  return 0;
}

}  // namespace

void no_answer(const CtlOptions& ctl, const ControlClient& client) {
  if (client.refusal().empty()) no_broker(ctl);
  throw std::runtime_error(client.refusal());
}

int list_trainers(const CtlOptions& ctl, const std::string& run) {
  const auto now_ms = even_unix_ms();
  ControlClient client(ctl.broker);
  const auto table = table_of(ctl, client, of_run(run), now_ms);
  const auto rows = table.rows(now_ms);
  if (ctl.json)
    say(trainers_json(rows, now_ms));
  else if (rows.empty())
    say("no trainers");
  else
    say_all(trainer_lines(rows, now_ms, {}));
  add_remarks(client);
  return 0;
}

int show_trainers(const CtlOptions& ctl, const std::string& session) {
  const auto now_ms = even_unix_ms();
  const auto table = table_of(ctl, whole_of(session), now_ms);
  const auto rows = addressed_rows(table, session, now_ms);
  if (ctl.json) say(trainers_json(rows, now_ms));
  for (const auto& row : rows)
    if (!ctl.json) say_all(trainer_text(row, now_ms));
  return 0;
}

int show_knobs(const CtlOptions& ctl, const std::string& session) {
  const auto now_ms = even_unix_ms();
  const auto table = table_of(ctl, whole_of(session), now_ms);
  std::string json;
  for (const auto& row : addressed_rows(table, session, now_ms)) {
    const auto& of = row.view->session();
    const auto& figures = row.view->figures();
    json += (json.empty() ? "" : ",") + ("{\"run\":\"" + of.run + "\",\"trainer\":\"" + of.trainer + "\",\"knobs\":") +
            knobs_json(figures.plan.value_or(v1::TrainingConfig{})) + '}';
    if (ctl.json) continue;
    if (session.ends_with("/*")) say(of.id());
    say_all(knob_lines(figures));
  }
  if (ctl.json) say("{\"trainers\":[" + json + "]}");
  return 0;
}

int send_command(const CtlOptions& ctl, const CommandOptions& options) {
  ControlClient client(ctl.broker);
  auto command = options.command;
  const auto address = parse_trainer_address(options.session).value();
  command.set_expected_incarnation(named_incarnation(ctl, client, address));
  command.set_time_to_live_ms(options.deadline.count());
  spdlog::debug("{}", request_line("asks " + v1::CommandType_Name(command.type()) + " of " + address.session_id,
                                   command.command_id()));
  const auto issued = client.issue(address.session_id, command, kPatience);
  if (!issued) no_answer(ctl, client);
  if (!issued->error.empty()) throw std::runtime_error(issued->error);
  if (const auto stats = client.stats(kPatience)) warn_of(storing_trouble(*stats));
  CommandProgress progress(ctl, issued->commands);
  if (options.wait) {
    wait_for_end(ctl, client, options, address.session_id, command.command_id(), progress);
  } else {
    for (const auto& entry : issued->commands)
      progress.take(entry.session_id(), entry.command(), unix_ms());
  }
  if (progress.problem().empty()) return 0;
  throw std::runtime_error("not applied by every trainer: " + progress.problem());
}

int show_commands(const CtlOptions& ctl, const HistoryOptions& options) {
  CommandHistory history;
  auto wanted = commands_of(ctl, options.session);
  if (!options.trainer.empty()) wanted.trainer = options.trainer;
  Consumer consumer(wanted);
  read(ctl, consumer, true, [&](const Record& record) {
    history.take(record.message, record.order);
    return true;
  });
  if (consumer.counters().lost > 0) spdlog::warn("{} states are gone from the journal", consumer.counters().lost);
  if (!options.export_file.empty()) return export_edits(history.applied_to(wanted.trainer), options.export_file);
  for (const auto& entry : history.entries())
    say(ctl.json ? history_json(entry) : history_text(entry));
  if (history.entries().empty() && !ctl.json) say("no commands");
  return 0;
}

int show_ledger(const CtlOptions& ctl, const std::string& run, std::chrono::milliseconds wait) {
  constexpr auto kLookAgain = 200ms;
  ControlClient client(ctl.broker);
  std::vector<TrainerLedger> ledgers;
  bool closed = false;
  const auto until = Clock::now() + wait;
  do {
    const auto list = client.list(run, kPatience);
    if (!list) no_answer(ctl, client);
    ledgers.clear();
    closed = true;
    for (const auto& entry : list->trainers())
      closed = ledgers.emplace_back(ledger_of(entry)).open_sums().empty() && closed;
  } while (!closed && Clock::now() < until && !wait_or_stop(kLookAgain));
  if (ctl.json)
    say(ledger_json(ledgers));
  else
    say_all(ledger_lines(ledgers));
  if (!run.empty()) say_what_the_ledger_leaves_out(client, run);
  if (const auto stats = client.stats(kPatience)) {
    warn_of(storing_trouble(*stats));
    warn_of(journal_losses(*stats));
  }
  return closed ? 0 : 1;
}

int tail(const CtlOptions& ctl, const TailOptions& options) {
  ConsumerOptions wanted;
  wanted.broker = ctl.broker;
  for (const auto& name : options.kinds)
    wanted.kinds.push_back(kind_from_name(name));
  wanted.run = options.run;
  wanted.trainer = options.trainer;
  wanted.history = options.history || options.once;
  Consumer consumer(wanted);
  std::uint64_t told = 0;
  read(ctl, consumer, options.once, [&](const Record& record) {
    std::cout << (ctl.json ? record_json_line(record) : record_text(record)) << '\n';
    return ++told != options.count;
  });
  std::cout << std::flush;
  if (consumer.counters().lost > 0) spdlog::warn("{} records are gone from the journal", consumer.counters().lost);
  return 0;
}

int show_stats(const CtlOptions& ctl) {
  ControlClient client(ctl.broker);
  const auto stats = client.stats(kPatience);
  if (!stats) no_answer(ctl, client);
  if (ctl.json) {
    say(message_json(*stats));
    return 0;
  }
  say_all(limit_lines(*stats));
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : stats->counters())
    values[name] = std::to_string(value);
  for (const auto& [name, value] : stats->gauges())
    values[name] = figure_text(value);
  for (const auto& [name, value] : values)
    say(name + ' ' + value);
  return 0;
}

}  // namespace trainbus
