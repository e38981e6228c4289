#include "watcher.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "trainbus/host_name.hpp"
#include "trainbus/program.hpp"
#include "trainbus/service.hpp"
#include "trainbus/state_dir.hpp"
#include "trainbus/storing.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kPatience{1500};
constexpr int kRecordsAtOnce = 20'000;  // so that the looks go on

std::unique_ptr<Consumer> following(const WatchOptions& options, std::vector<Kind> kinds, bool history) {
  ConsumerOptions wanted;
  wanted.broker = options.broker;
  wanted.run = options.run;
  wanted.kinds = std::move(kinds);
  wanted.history = history;
  return std::make_unique<Consumer>(std::move(wanted));
}

template <class Wanted>
bool any_rule(const RuleSet& set, const Wanted& wanted) {
  return std::any_of(set.rules.begin(), set.rules.end(), [&](const Rule& rule) { return wanted(rule); });
}

bool reads_perf(const Rule& rule) {
  return rule.condition.kind == ConditionKind::kThroughputDrop || rule.condition.kind == ConditionKind::kMemoryGradient;
}

}  // namespace

Watcher::Watcher(WatchOptions options, std::ostream& out, bool on_terminal)
    : options_(std::move(options)),
      screen_(out, options_.broker, options_.site, on_terminal, options_.json),
      client_(options_.broker),
      rules_(options_.rules, options_.act) {
  if (!options_.alerts || options_.once) return;
  std::vector<Kind> kept_by_broker{v1::KIND_ALERT};
  if (options_.act) {
    actions_.emplace(options_.rules, host_name());
    kept_by_broker.push_back(v1::KIND_COMMAND);
  }
  stored_ = following(options_, kept_by_broker, true);
  std::vector<Kind> kinds{v1::KIND_BATCH, v1::KIND_EPOCH, v1::KIND_SCALARS};
  if (any_rule(options_.rules, reads_perf)) kinds.push_back(v1::KIND_PERF);
  records_ = following(options_, kinds, false);
  if (any_rule(options_.rules, [](const Rule& rule) { return facts_of(rule.condition.kind).reads_epochs; }))
    epochs_ = following(options_, {v1::KIND_EPOCH}, true);
  start_channels();
}

void Watcher::start_channels() {
  if (options_.rules.channels.empty()) return;
  state_folder_ = std::make_unique<WatchFolder>(chosen_state_dir(options_.state_dir, "watch"));
  for (const auto& spec : options_.rules.channels)
    deliveries_.push_back(std::make_unique<Delivery>(options_.rules, spec, options_.broker, options_.run,
                                                     state_folder_->position_file(spec.name)));
}

bool Watcher::show_once(milliseconds patience) {
  look(patience);
  if (table_.broker_reachable()) screen_.show_once(table_, even_unix_ms());
  return table_.broker_reachable();
}

void Watcher::run() {
  service_ready();
  while (!stop_requested()) {
    reload_if_asked();
    const auto next_look = Clock::now() + options_.interval;
    look(kPatience);
    const auto now_ms = even_unix_ms();
    if (ready_to_raise()) raise_alerts(now_ms);
    act(now_ms);
    screen_.show(table_, now_ms, rules_.open(), problems());
    while (!stop_requested() && Clock::now() < next_look)
      read_bus(std::min(std::chrono::duration_cast<milliseconds>(next_look - Clock::now()), milliseconds(50)));
  }
}

void Watcher::look(milliseconds patience) {
  if (const auto list = client_.list(options_.run, patience))
    table_.update(*list, even_unix_ms());
  else
    table_.broker_away();
  const auto stats = table_.broker_reachable() ? client_.stats(patience) : std::nullopt;
  if (!stats) return;
  const auto trouble = storing_trouble(*stats);
  if (std::exchange(storing_trouble_, trouble) == trouble) return;
  spdlog::warn("{}", trouble.empty() ? "the broker stores what it takes in again" : trouble);
}

bool Watcher::ready_to_raise() const {
  return stored_ != nullptr && stored_->caught_up() && epochs_ == nullptr &&
         std::all_of(deliveries_.begin(), deliveries_.end(), [](const auto& each) { return each->ready(); });
}

void Watcher::raise_alerts(std::int64_t now_ms) {
  read_records();
  for (const auto& row : table_.rows(now_ms))
    if (!raise_alerts_of(row, now_ms)) return;  // again at the next look
}

bool Watcher::raise_alerts_of(const TrainerTable::Row& row, std::int64_t now_ms) {
  bool all_stored = row.state != Liveness::kUnreachable;
  for (const auto& due : rules_.judge(*row.view, row.state, now_ms)) {
    const auto raised = raise(due);
    if (raised == Raised::kNoAnswer) return false;
    if (raised == Raised::kStored) rules_.stored(due.session_id, due.alert);
    all_stored = all_stored && raised == Raised::kStored;
  }
  if (all_stored) rules_.looked(row.view->session().id(), row.view->figures().incarnation);
  return true;
}

// A broker that refuses answers at once; one trainer that it does not know must not keep the others waiting.
Watcher::Raised Watcher::raise(const DueAlert& due) {
  const auto asked = Clock::now();
  if (client_.raise(due.session_id, due.alert, kPatience)) return Raised::kStored;
  return Clock::now() - asked < kPatience ? Raised::kRefused : Raised::kNoAnswer;
}

// Follows what is stored, so that a restart in between goes on where this ended.
void Watcher::act(std::int64_t now_ms) {
  if (!actions_ || !stored_->caught_up()) return;
  for (const auto& [session_id, command] : actions_->due(table_.rows(now_ms), now_ms)) {
    const auto answer = client_.issue(session_id, command, kPatience);
    if (!answer) return;
    if (!answer->error.empty()) actions_->refused(command.command_id(), answer->error);
    for (const auto& entry : answer->commands)
      actions_->answered(command.command_id(), entry.command());
  }
  for (const auto& due : actions_->outcomes(now_ms))
    if (raise(due) == Raised::kNoAnswer) return;
}

void Watcher::read_bus(milliseconds time) {
  if (!stored_) {
    wait_or_stop(time);
    return;
  }
  read_records();
  const auto* record = stored_->next(time);
  if (record == nullptr) return;
  take_stored(*record);
  if (actions_ && !record->from_history) act(even_unix_ms());
}

// Whatever comes out of the journal is told, also what this watcher raised itself.
void Watcher::take_stored(const Record& record) {
  if (actions_) actions_->take(record.message);
  if (!record.message.has_alert()) return;
  const auto& session_id = record.message.session_id();
  const auto& alert = record.message.alert();
  v1::Alert heard = alert;  // when it was, by our clock: another watcher's may be wrong
  heard.set_timestamp_ms(static_cast<std::uint64_t>(even_unix_ms() - record.age_ms));
  rules_.stored(session_id, heard);
  if (record.from_history) return;
  const Rule* rule = options_.rules.rule_of(session_id, alert.rule());
  screen_.tell_alert(session_id, alert, severity_name(rule != nullptr ? rule->severity : Severity::kWarning));
}

// The epochs of before are read once the live ones are subscribed to, so that there is none between; live ones that
// come earlier are left out, because they come with the others, in order.
void Watcher::read_records() {
  const bool history = epochs_ != nullptr && records_->caught_up();
  for (int count = 0; count < kRecordsAtOnce; ++count) {
    const auto* record = (history ? epochs_ : records_)->next(milliseconds(0));
    if (record == nullptr) break;
    if (history)
      rules_.take_history(record->message, record->order);
    else if (epochs_ == nullptr || !record->message.has_epoch_data())
      rules_.take(record->message, record->order);
  }
  if (history && epochs_->caught_up()) epochs_.reset();
}

// Of the broker's ports and the channels.
std::vector<std::string> Watcher::problems() {
  std::vector<std::string> problems;
  const std::string silent_port = stored_ ? stored_->port_trouble() : std::string{};
  if (std::exchange(silent_port_, silent_port) != silent_port)
    spdlog::warn("{}", silent_port.empty() ? "every port of the broker answers again" : silent_port);
  if (!silent_port.empty()) problems.push_back(silent_port);
  if (!storing_trouble_.empty()) problems.push_back(storing_trouble_);
  for (const auto& delivery : deliveries_)
    if (auto problem = delivery->problem(); !problem.empty()) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace trainbus
