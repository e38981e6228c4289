#include "watcher.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "text_forms.hpp"
#include "trainbus/program.hpp"
#include "trainer_rows.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kAlertsShown = 5;
constexpr milliseconds kPatience{1500};

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {24, 80, 0, 0};
  return size;
}

ConsumerOptions following(const WatchOptions& options, std::vector<Kind> kinds, bool history) {
  ConsumerOptions wanted;
  wanted.broker = options.broker;
  wanted.run = options.run;
  wanted.kinds = std::move(kinds);
  wanted.history = history;
  return wanted;
}

}  // namespace

Watcher::Watcher(WatchOptions options, std::ostream& out, bool on_terminal)
    : options_(std::move(options)),
      out_(out),
      on_terminal_(on_terminal),
      colours_(on_terminal && colours_wanted()),
      client_(options_.broker) {
  if (!options_.alerts || options_.once) return;
  alerts_ = std::make_unique<Consumer>(following(options_, {v1::KIND_ALERT}, true));
  losses_ = std::make_unique<Consumer>(following(options_, {v1::KIND_BATCH, v1::KIND_EPOCH}, false));
}

bool Watcher::show_once(milliseconds patience) {
  look(patience);
  if (!table_.broker_reachable()) return false;
  const auto now_ms = unix_ms();
  if (options_.json) {
    say(trainers_json(table_.rows(now_ms), now_ms));
    return true;
  }
  if (table_.rows(now_ms).empty())
    say("no trainers");
  else
    for (const auto& line : trainer_lines(table_.rows(now_ms), now_ms, {.colours = colours_, .columns = 0}))
      say(line);
  return true;
}

void Watcher::run() {
  while (!stop_requested()) {
    const auto next_look = Clock::now() + options_.interval;
    look(kPatience);
    const auto now_ms = unix_ms();
    if (alerts_ && alerts_->caught_up()) raise_alerts(now_ms);
    on_terminal_ ? draw(now_ms) : tell_changes(now_ms);
    while (!stop_requested() && Clock::now() < next_look)
      read_bus(std::min(std::chrono::duration_cast<milliseconds>(next_look - Clock::now()), milliseconds(50)));
  }
  if (on_terminal_) out_ << "\x1b[?25h" << std::flush;
}

void Watcher::look(milliseconds patience) {
  if (const auto list = client_.list(options_.run, patience))
    table_.update(*list, unix_ms());
  else
    table_.broker_away();
}

void Watcher::raise_alerts(std::int64_t now_ms) {
  read_losses();
  for (const auto& row : table_.rows(now_ms))
    if (!raise_alerts_of(row, now_ms)) return;  // again at the next look
}

bool Watcher::raise_alerts_of(const TrainerTable::Row& row, std::int64_t now_ms) {
  const auto session = row.view->session().id();
  const auto incarnation = row.view->figures().incarnation;
  const auto* bad_loss = loss_watch_.first_bad(session, incarnation);
  for (const auto& [session_id, alert] : rules_.judge(*row.view, row.state, now_ms, bad_loss)) {
    if (!client_.raise(session_id, alert, kPatience)) return false;
    rules_.stored(session_id, alert);
  }
  if (row.state != Liveness::kUnreachable) loss_watch_.forget(session, incarnation);
  return true;
}

// Whatever comes out of the journal is told, also what this watcher raised itself.
void Watcher::read_bus(milliseconds time) {
  if (!alerts_) {
    wait_or_stop(time);
    return;
  }
  read_losses();
  const auto* record = alerts_->next(time);
  if (record == nullptr) return;
  rules_.stored(record->message.session_id(), record->message.alert());
  if (!record->from_history) tell_alert(record->message.session_id(), record->message.alert());
}

// What is there, at most so much that the looks go on.
void Watcher::read_losses() {
  constexpr int kAtOnce = 20'000;
  for (int count = 0; count < kAtOnce; ++count) {
    const auto* record = losses_->next(milliseconds(0));
    if (record == nullptr) return;
    loss_watch_.take(record->message);
  }
}

void Watcher::tell_alert(const std::string& session_id, const v1::Alert& alert) {
  if (options_.json) {
    say(nlohmann::ordered_json{{"alert", alert.rule()},
                               {"session", session_id},
                               {"active", alert.active()},
                               {"message", printable(alert.message())},
                               {"timestamp_ms", alert.timestamp_ms()}}
            .dump());
    return;
  }
  const std::string line = clock_text(alert.timestamp_ms()) + "  " + session_id + "  alert " + printable(alert.rule()) +
                           (alert.active() ? ": " : " ended: ") + printable(alert.message());
  if (!on_terminal_) return say(line);
  recent_alerts_.push_front(line);
  if (recent_alerts_.size() > kAlertsShown) recent_alerts_.pop_back();
}

void Watcher::tell_changes(std::int64_t now_ms) {
  const bool away = !table_.broker_reachable();
  if (away != told_away_ && !options_.json)
    say(clock_text(now_ms) + (away ? "  no broker answers at " : "  the broker answers at ") + options_.broker);
  told_away_ = away;
  for (const auto& row : table_.rows(now_ms)) {
    const std::string session_id = row.view->session().id();
    const auto [told, is_new] = told_.try_emplace(session_id, row.state);
    if (!is_new && told->second == row.state) continue;
    if (options_.json)
      say(trainer_json(row, now_ms));
    else
      say(clock_text(now_ms) + "  " + session_id + "  " + (is_new ? "" : state_text(told->second, false) + " -> ") +
          state_text(row.state, false) + "  step " + std::to_string(row.view->figures().step));
    told->second = row.state;
  }
}

void Watcher::draw(std::int64_t now_ms) {
  const auto size = terminal_size();
  const auto rows = table_.rows(now_ms);
  std::vector<std::string> lines{"trainbus-watch  " + options_.broker + "  " + clock_text(now_ms) +
                                 (table_.broker_reachable() ? "" : "  NO BROKER ANSWERS") +
                                 (rules_.open() > 0 ? "  open alerts: " + std::to_string(rules_.open()) : "")};
  const std::size_t room = size.ws_row > recent_alerts_.size() + 4 ? size.ws_row - recent_alerts_.size() - 4 : 1;
  auto table = trainer_lines(rows, now_ms, {.colours = colours_, .columns = size.ws_col});
  if (table.size() > room + 1) {
    const auto hidden = table.size() - room;
    table.resize(room);
    table.push_back("... and " + std::to_string(hidden) + " more (a higher terminal, or --run)");
  }
  lines.insert(lines.end(), table.begin(), table.end());
  if (rows.empty()) lines.push_back("no trainers yet");
  lines.insert(lines.end(), recent_alerts_.begin(), recent_alerts_.end());
  out_ << "\x1b[?25l\x1b[H";  // no cursor; from the top, each line clears its rest, so nothing flickers
  for (const auto& line : lines)
    out_ << line << "\x1b[K\n";
  out_ << "\x1b[J" << std::flush;
}

void Watcher::say(const std::string& line) { out_ << line << '\n' << std::flush; }

}  // namespace trainbus
