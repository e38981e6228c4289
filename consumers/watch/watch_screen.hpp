#pragma once
// What the watcher shows: a table redrawn in place on a terminal, else a line (or a JSON line) for every change.

#include <deque>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "trainbus/trainer_table.hpp"

namespace trainbus {

class WatchScreen {
 public:
  // `site`: before each line, where other screens write to `out`, too; "": none.
  WatchScreen(std::ostream& out, std::string broker, std::string site, bool on_terminal, bool json);
  ~WatchScreen();  // gives the cursor back
  WatchScreen(const WatchScreen&) = delete;
  WatchScreen& operator=(const WatchScreen&) = delete;

  void show_once(const TrainerTable& table, std::int64_t now_ms);
  // `open_alerts` and `problems` (of channels, a line each) are for the terminal only.
  void show(const TrainerTable& table, std::int64_t now_ms, std::size_t open_alerts,
            const std::vector<std::string>& problems);
  void tell_alert(const std::string& session_id, const v1::Alert& alert, const std::string& severity);

 private:
  void draw(const TrainerTable& table, std::int64_t now_ms, std::size_t open_alerts,
            const std::vector<std::string>& problems);
  void tell_changes(const TrainerTable& table, std::int64_t now_ms);
  void say(const std::string& line);

  std::ostream& out_;
  const std::string broker_;
  const std::string site_;
  const bool on_terminal_;
  const bool json_;
  const bool colours_;
  std::map<std::string, Liveness> told_;   // by session id
  std::deque<std::string> recent_alerts_;  // for the terminal
  bool told_away_ = false;
  bool drawn_ = false;
};

}  // namespace trainbus
