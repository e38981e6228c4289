#include "history_verbs.hpp"

#include <fnmatch.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "text_forms.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/program.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;

constexpr auto kCommandPatience = 10s;
constexpr auto kListPatience = 10min;

// One trainer as the broker told what would be done to it.
struct Target {
  std::string session_id;
  v1::ControlCommand told;
  unsigned long long records = 0;
  unsigned long long bytes = 0;

  bool is_refused() const { return told.state() == v1::COMMAND_REJECTED; }
};

std::string bytes_text(double bytes) {
  for (const char* unit : {"B", "kB", "MB", "GB"}) {
    if (bytes < 1000) return fmt::format("{:.{}f} {}", bytes, bytes < 10 && *unit != 'B' ? 1 : 0, unit);
    bytes /= 1000;
  }
  return fmt::format("{:.1f} TB", bytes);
}

bool matches(const std::string& pattern, const std::string& session_id) {
  const auto whole = pattern.find('/') == std::string::npos ? pattern + "/*" : pattern;
  return fnmatch(whole.c_str(), session_id.c_str(), FNM_PATHNAME) == 0;
}

class HistoryClient {
 public:
  HistoryClient(const CtlOptions& ctl, const HistoryChange& change) : ctl_(ctl), change_(change), client_(ctl.broker) {}

  std::vector<std::string> sessions() {
    v1::ListRequest request;
    request.set_archived(true);
    const auto list = client_.list(request, kListPatience);
    if (!list) no_answer(ctl_, client_);
    std::vector<std::string> found;
    for (const auto& entry : list->trainers())
      if (std::ranges::any_of(change_.patterns, [&](const auto& one) { return matches(one, entry.session_id()); }))
        found.push_back(entry.session_id());
    return found;
  }
  // The state the broker answers with; with `dry` nothing is done.
  Target ask(const std::string& session_id, bool dry) {
    v1::ControlCommand command;
    command.set_type(change_.type);
    command.set_command_id(new_command_id());
    command.set_issuer(change_.issuer);
    auto& parameters = *command.mutable_parameters();
    if (dry) parameters["dry_run"] = "yes";
    if (change_.older_than_ms > 0) parameters["older_than_ms"] = std::to_string(change_.older_than_ms);
    const auto answer = client_.issue(session_id, command, kCommandPatience);
    if (!answer) no_answer(ctl_, client_);
    if (!answer->error.empty()) throw std::runtime_error(session_id + ": " + answer->error);
    Target target{session_id, answer->commands.at(0).command()};
    std::sscanf(target.told.new_value().c_str(), "%llu records, %llu bytes", &target.records, &target.bytes);
    return target;
  }
  // Until it has ended; `progress` is told how far it is.
  template <class Progress>
  Target wait(Target target, const Progress& progress) {
    while (!command_ended(target.told.state())) {
      if (wait_or_stop(50ms))
        throw std::runtime_error("stopped waiting; the broker goes on, 'trainbus-ctl commands " + target.session_id +
                                 "' shows how it ended");
      const auto answer = client_.find(target.told.command_id(), kCommandPatience);
      if (!answer) no_answer(ctl_, client_);
      if (!answer->error.empty()) throw std::runtime_error(target.session_id + ": " + answer->error);
      target.told = answer->commands.at(0).command();
      progress(target);
    }
    return target;
  }

 private:
  const CtlOptions& ctl_;
  const HistoryChange& change_;
  ControlClient client_;
};

// A line that is written over while somebody watches, and none otherwise.
class ProgressLine {
 public:
  void show(const std::string& text) {
    if (isatty(STDERR_FILENO) == 0) return;
    std::cerr << '\r' << text << "\x1b[K" << std::flush;
    shown_ = true;
  }
  ~ProgressLine() {
    if (shown_) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  bool shown_ = false;
};

void say_target(const CtlOptions& ctl, const std::string& what, const Target& target) {
  if (ctl.json) {
    const nlohmann::ordered_json json{{"trainer", target.session_id},
                                      {"what", what},
                                      {"records", target.records},
                                      {"bytes", target.bytes},
                                      {"was", target.told.old_value()},
                                      {"reason", target.told.reason()},
                                      {"command_id", target.told.command_id()}};
    std::cout << json.dump() << '\n';
    return;
  }
  std::cout << what << "  " << target.session_id;
  if (target.is_refused())
    std::cout << "  " << printable(target.told.reason());
  else
    std::cout << "  " << target.records << " records, " << bytes_text(static_cast<double>(target.bytes));
  std::cout << '\n';
}

bool confirmed(const std::string& question) {
  if (isatty(STDIN_FILENO) == 0)
    throw std::runtime_error("this deletes for good: say --yes, or look first with --dry-run");
  std::cerr << question << " [y/N] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

}  // namespace

int change_history(const CtlOptions& ctl, const HistoryChange& change) {
  const std::string verb(command_verb(change.type));
  HistoryClient client(ctl, change);
  std::vector<Target> targets, live;
  Target sum;
  std::size_t younger = 0, as_it_is = 0;
  {
    ProgressLine progress;
    const auto sessions = client.sessions();
    for (std::size_t at = 0; at < sessions.size() && !stop_requested(); ++at) {
      progress.show(fmt::format("looking at {} of {} trainers", at + 1, sessions.size()));
      auto target = client.ask(sessions[at], true);
      const auto& reason = target.told.reason();
      if (!target.is_refused()) {
        sum.records += target.records;
        sum.bytes += target.bytes;
        targets.push_back(std::move(target));
      } else if (reason.starts_with("it is live") || reason.starts_with("it may be live")) {
        live.push_back(std::move(target));
      } else {
        ++(reason.starts_with("its last record") ? younger : as_it_is);
      }
    }
  }
  if (stop_requested()) throw std::runtime_error("stopped before anything was done");
  for (const auto& target : live)
    say_target(ctl, "refused", target);
  const auto amount = fmt::format("{} trainers, {} records, {}", targets.size(), sum.records,
                                  bytes_text(static_cast<double>(sum.bytes)));
  if (change.dry_run || targets.empty()) {
    for (const auto& target : targets)
      say_target(ctl, "would " + verb, target);
    if (!ctl.json)
      std::cout << (change.dry_run ? "would " + verb + " " : "nothing to " + verb + ": ") << amount
                << fmt::format(" ({} are live, {} younger, {} are so already)", live.size(), younger, as_it_is) << '\n'
                << std::flush;
    return live.empty() ? 0 : 1;
  }
  if (change.type == v1::DELETE_HISTORY && !change.yes && !confirmed("delete " + amount + " for good?")) return 1;
  std::size_t failed = 0;
  for (const auto& planned : targets) {
    if (stop_requested()) throw std::runtime_error("stopped: the trainers above are done, the others are as they were");
    Target done;
    {
      ProgressLine progress;
      done = client.wait(client.ask(planned.session_id, false), [&](const Target& now) {
        progress.show(verb + ' ' + now.session_id + ": " + printable(now.told.new_value()));
      });
    }
    done.records = planned.records;
    done.bytes = planned.bytes;
    failed += done.is_refused() ? 1 : 0;
    say_target(ctl, done.is_refused() ? "refused" : verb + 'd', done);
  }
  if (!ctl.json)
    std::cout << fmt::format("{} of {} done; 'trainbus-ctl commands' keeps who did it\n", targets.size() - failed,
                             targets.size());
  std::cout << std::flush;
  return live.empty() && failed == 0 ? 0 : 1;
}

int list_history(const CtlOptions& ctl, const std::string& run) {
  ControlClient client(ctl.broker);
  v1::ListRequest request;
  request.set_archived(true);
  request.set_run(run);
  const auto list = client.list(request, kListPatience);
  if (!list) no_answer(ctl, client);
  v1::MetricsRequest record;
  for (const auto& entry : list->trainers()) {
    std::int64_t last_ms = 0;
    std::string status = "-";
    for (const auto& last : entry.last()) {
      if (!record.ParseFromString(last.message())) continue;
      last_ms = std::max(last_ms, last.taken_in_ms() != 0 ? last.taken_in_ms() : record_ms(record));
      if (record.has_status_update()) status = v1::TrainingStatus_Name(record.status_update().status());
    }
    if (ctl.json) {
      const nlohmann::ordered_json json{{"trainer", entry.session_id()},
                                        {"archived", entry.archived()},
                                        {"status", status},
                                        {"last_record_ms", last_ms},
                                        {"incarnation", std::to_string(entry.incarnation())}};
      std::cout << json.dump() << '\n';
    } else {
      std::cout << fmt::format("{:8}  {:12}  {}  {}\n", entry.archived() ? "archived" : "listed", status,
                               last_ms == 0 ? "-                  " : date_text(last_ms), entry.session_id());
    }
  }
  if (!ctl.json && list->trainers().empty()) std::cout << "no trainers\n";
  std::cout << std::flush;
  return 0;
}

}  // namespace trainbus
