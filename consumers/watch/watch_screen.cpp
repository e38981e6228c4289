#include "watch_screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>
#include <syncstream>

#include "alert_rules.hpp"
#include "text_forms.hpp"
#include "trainbus/trainer_json.hpp"
#include "trainer_rows.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kAlertsShown = 5;

bool colours_wanted() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {24, 80, 0, 0};
  return size;
}

}  // namespace

WatchScreen::WatchScreen(std::ostream& out, std::string broker, std::string site, bool on_terminal, bool json)
    : out_(out),
      broker_(std::move(broker)),
      site_(std::move(site)),
      on_terminal_(on_terminal && !json),
      json_(json),
      colours_(on_terminal_ && colours_wanted()) {}

WatchScreen::~WatchScreen() {
  if (drawn_) out_ << "\x1b[?25h" << std::flush;
}

void WatchScreen::show_once(const TrainerTable& table, std::int64_t now_ms) {
  const auto rows = table.rows(now_ms);
  if (json_) return say(trainers_json(rows, now_ms));
  if (rows.empty()) return say("no trainers");
  for (const auto& line : trainer_lines(rows, now_ms, {.colours = colours_, .columns = 0}))
    say(line);
}

void WatchScreen::show(const TrainerTable& table, std::int64_t now_ms, std::size_t open_alerts,
                       const std::vector<std::string>& problems) {
  on_terminal_ ? draw(table, now_ms, open_alerts, problems) : tell_changes(table, now_ms);
}

void WatchScreen::tell_alert(const std::string& session_id, const v1::Alert& alert, const std::string& severity) {
  if (json_) {
    say(nlohmann::ordered_json{{"alert", alert.rule()},
                               {"session", session_id},
                               {"severity", severity},
                               {"active", alert.active()},
                               {"message", printable(alert.message())},
                               {"timestamp_ms", alert.timestamp_ms()}}
            .dump());
    return;
  }
  const char* what = is_action_alert(alert) ? ", its action: " : alert.active() ? ": " : " ended: ";
  const std::string line = clock_text(alert.timestamp_ms()) + "  " + session_id + "  alert " + printable(alert.rule()) +
                           what + printable(alert.message());
  if (!on_terminal_) return say(line);
  recent_alerts_.push_front(line);
  if (recent_alerts_.size() > kAlertsShown) recent_alerts_.pop_back();
}

void WatchScreen::tell_changes(const TrainerTable& table, std::int64_t now_ms) {
  const bool away = !table.broker_reachable();
  if (away != told_away_ && !json_)
    say(clock_text(now_ms) + (away ? "  no broker answers at " : "  the broker answers at ") + broker_);
  told_away_ = away;
  for (const auto& row : table.rows(now_ms)) {
    const std::string session_id = row.view->session().id();
    const auto [told, is_new] = told_.try_emplace(session_id, row.state);
    if (!is_new && told->second == row.state) continue;
    if (json_)
      say(trainer_json(*row.view, row.state, now_ms));
    else
      say(clock_text(now_ms) + "  " + session_id + "  " + (is_new ? "" : state_text(told->second, false) + " -> ") +
          state_text(row.state, false) + "  step " + std::to_string(row.view->figures().step));
    told->second = row.state;
  }
}

void WatchScreen::draw(const TrainerTable& table, std::int64_t now_ms, std::size_t open_alerts,
                       const std::vector<std::string>& problems) {
  const auto size = terminal_size();
  const auto rows = table.rows(now_ms);
  std::vector<std::string> lines{"trainbus-watch  " + broker_ + "  " + clock_text(now_ms) +
                                 (table.broker_reachable() ? "" : "  NO BROKER ANSWERS") +
                                 (open_alerts > 0 ? "  open alerts: " + std::to_string(open_alerts) : "")};
  const auto add = [&](const std::string& line) { lines.push_back(line.substr(0, size.ws_col)); };
  std::for_each(problems.begin(), problems.end(), add);
  const std::size_t taken = recent_alerts_.size() + problems.size() + 4;
  const std::size_t room = size.ws_row > taken ? size.ws_row - taken : 1;
  auto shown = trainer_lines(rows, now_ms, {.colours = colours_, .columns = size.ws_col});
  if (shown.size() > room + 1) {
    const auto hidden = shown.size() - room;
    shown.resize(room);
    shown.push_back("... and " + std::to_string(hidden) + " more (a higher terminal, or --run)");
  }
  lines.insert(lines.end(), shown.begin(), shown.end());
  if (rows.empty()) lines.push_back("no trainers yet");
  std::for_each(recent_alerts_.begin(), recent_alerts_.end(), add);
  out_ << "\x1b[?25l\x1b[H";  // no cursor; from the top, each line clears its rest, so nothing flickers
  for (const auto& line : lines)
    out_ << line << "\x1b[K\n";
  out_ << "\x1b[J" << std::flush;
  drawn_ = true;
}

void WatchScreen::say(const std::string& line) {
  if (site_.empty()) {
    out_ << line << '\n' << std::flush;
    return;
  }
  std::osyncstream whole_lines(out_);
  if (json_)
    whole_lines << "{\"site\":\"" << site_ << "\"," << std::string_view(line).substr(1);
  else
    whole_lines << site_ << "  " << line;
  whole_lines << '\n' << std::flush;
}

}  // namespace trainbus
