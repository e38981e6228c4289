#include "doctor_checks.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "text_forms.hpp"
#include "trainbus/broker_info.hpp"
#include "trainbus/limits.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kSkewMs = 2'000;  // as everywhere: what is listed as off
constexpr double kScarce = 0.1;          // of a disk that is free
constexpr double kFull = 0.02;
constexpr double kNear = 0.9;  // of a limit
constexpr std::uint64_t kFewFiles = 1'024;

double gauge(const v1::BrokerStats& stats, const char* name) {
  const auto found = stats.gauges().find(name);
  return found == stats.gauges().end() ? 0 : found->second;
}

std::string remedy_of(const PortProblem& problem) {
  if (problem.about_key)
    return "ask who runs the broker for a key (trainbus-keys add), and give it by --key FILE or TRAINBUS_KEY";
  if (problem.text.find("refused") != std::string::npos)
    return "start trainbus-broker there, or say where it is: --broker, TRAINBUS_BROKER";
  if (problem.text.find("no host is known") != std::string::npos)
    return "write the name as `getent hosts` knows it, or an address";
  if (problem.text.find("no ZeroMQ port") != std::string::npos ||
      problem.text.find("says nothing") != std::string::npos)
    return "something else listens there: give the broker another base port (--listen), and everybody --broker";
  return "open ports P, P+1 and P+2 of the broker in the firewall between, or use an SSH tunnel for all three";
}

const char* verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood: return "good";
    case Verdict::kCare: return "care";
    case Verdict::kBad: return "bad";
  }
  return "";
}

}  // namespace

Finding port_finding(const std::string& role, const std::string& endpoint, const PortProblem& problem) {
  const auto about = fmt::format("port {} ({})", endpoint.substr(endpoint.rfind(':') + 1), role);
  if (problem.text.empty()) return {Verdict::kGood, about, endpoint + " answers", ""};
  return {Verdict::kBad, about, endpoint + ": " + problem.text, remedy_of(problem)};
}

Finding key_finding(const std::string& path, const std::string& name, const std::string& role) {
  if (path.empty()) return {Verdict::kGood, "key", "none: this broker must be one without keys", ""};
  return {Verdict::kGood, "key", fmt::format("'{}'{} from {}", name, role.empty() ? "" : " (" + role + ")", path), ""};
}

Finding version_finding(const std::string& ours, const v1::BrokerStats& stats) {
  const auto theirs = broker_info(stats, "version");
  if (theirs == ours) return {Verdict::kGood, "version", "broker and this program are " + ours, ""};
  return {Verdict::kCare, "version",
          fmt::format("the broker is {}, this program {}",
                      theirs.empty() ? "one that does not say its version" : printable(theirs), ours),
          "the same version of the wire is enough; install one version everywhere where something looks odd"};
}

Finding clock_finding(std::int64_t ahead_ms, std::int64_t round_trip_ms) {
  const auto found =
      fmt::format("the broker's is {} {} this machine's (known to {})",
                  duration_text(static_cast<double>(std::llabs(ahead_ms)) / 1e3), ahead_ms < 0 ? "behind" : "ahead of",
                  duration_text(static_cast<double>(round_trip_ms) / 2e3));
  if (std::llabs(ahead_ms) <= kSkewMs + round_trip_ms / 2) return {Verdict::kGood, "clock", found, ""};
  return {Verdict::kCare, "clock", found,
          "let NTP (chrony, systemd-timesyncd) set both; the bus itself decides nothing by clocks"};
}

Finding journal_finding(const v1::BrokerStats& stats) {
  if (gauge(stats, "state_folder_missing") != 0)
    return {Verdict::kBad, "journal", "its folder, or a file of it, was taken away: nothing is stored",
            "put back what is missing, or start the broker anew; its log names the file"};
  if (gauge(stats, "journal_failing") != 0)
    return {
        Verdict::kBad, "journal", "cannot be written: nothing is stored, trainers keep what they have",
        "look into the broker's log for the reason; where the disk is full make room (trainbus-ctl delete, --retain)"};
  const auto damaged = stats.counters().find("journal_damaged_total");
  if (damaged != stats.counters().end() && damaged->second > 0)
    return {Verdict::kBad, "journal", "part of it cannot be read",
            "stop the broker, then: trainbus-broker repair STATE_DIR"};
  return {Verdict::kGood, "journal",
          fmt::format("is written; {:.0f} records wait", gauge(stats, "journal_waiting_records")), ""};
}

std::vector<Finding> broker_disk_findings(const v1::BrokerStats& stats) {
  if (gauge(stats, "disk_bytes") <= 0) return {};
  return {disk_finding("disk of the broker", static_cast<std::uint64_t>(gauge(stats, "disk_free_bytes")),
                       static_cast<std::uint64_t>(gauge(stats, "disk_bytes")),
                       "make room: trainbus-ctl delete, the broker's --retain and --retain-bytes, or a larger disk")};
}

Finding spool_disk_finding(const std::string& folder, std::uint64_t free_bytes, std::uint64_t bytes) {
  return disk_finding("disk of the spools (" + folder + ")", free_bytes, bytes,
                      "make room, deliver what waits (trainbus-spool send), or say another folder: TRAINBUS_SPOOL_DIR");
}

Finding disk_finding(const std::string& about, std::uint64_t free_bytes, std::uint64_t bytes,
                     const std::string& remedy) {
  const double part = bytes == 0 ? 1 : static_cast<double>(free_bytes) / static_cast<double>(bytes);
  const auto found =
      fmt::format("{} free ({:.0f} %)", limit_amount(static_cast<double>(free_bytes), "bytes"), part * 100);
  if (part >= kScarce) return {Verdict::kGood, about, found, ""};
  return {part < kFull ? Verdict::kBad : Verdict::kCare, about, found, remedy};
}

std::vector<Finding> limit_findings(const v1::BrokerStats& stats) {
  std::vector<Finding> findings;
  for (const auto& limit : stats.limits()) {
    const bool near = limit.bound() > 0 && limit.value() >= kNear * limit.bound();
    if (!limit.biting() && !near) continue;
    findings.push_back({limit.biting() ? Verdict::kBad : Verdict::kCare, "limit " + printable(limit.name()),
                        fmt::format("{} of {}", limit_amount(limit.value(), limit.unit() == "bytes" ? "bytes" : ""),
                                    limit_amount(limit.bound(), printable(limit.unit()))),
                        "when it is met: " + printable(limit.policy())});
  }
  if (findings.empty())
    findings.push_back({Verdict::kGood, "limits", fmt::format("none of {} is near", stats.limits_size()), ""});
  return findings;
}

std::vector<Finding> archive_findings(const v1::BrokerStats& stats) {
  constexpr double kQuietSeconds = 180;  // it says something every minute
  const std::string begin = "archive_position{archive=\"";
  std::vector<Finding> findings;
  for (const auto& [name, position] : stats.gauges()) {
    if (!name.starts_with(begin)) continue;
    const auto label = name.substr(name.find('{'));
    const auto archive = printable(name.substr(begin.size(), name.size() - begin.size() - 2));
    const auto quiet = stats.gauges().find("archive_quiet_seconds" + label);
    const bool silent = quiet == stats.gauges().end() || quiet->second > kQuietSeconds;
    auto found = fmt::format("lacks {:.0f} records", gauge(stats, ("archive_behind_records" + label).c_str()));
    if (position == 0)
      found = "never came: nothing is retired";
    else if (silent)
      found += quiet == stats.gauges().end() ? ", and has not come since the broker started"
                                             : ", and was not heard for " + duration_text(quiet->second);
    const bool good = position > 0 && !silent;
    findings.push_back(
        {good ? Verdict::kGood : Verdict::kCare, "archive " + archive, found,
         good ? ""
              : "start trainbus-log --sink ...,archive=" + archive + "; until then records stay, and the disk fills"});
  }
  std::ranges::sort(findings, {}, &Finding::about);
  return findings;
}

Finding file_limit_finding(std::uint64_t files) {
  const auto found = fmt::format("a program here may open {}", files);
  if (files > kFewFiles) return {Verdict::kGood, "files", found, ""};
  return {Verdict::kCare, "files", found,
          "raise the hard limit (LimitNOFILE=, /etc/security/limits.conf) where a broker is to run: it needs up to 3 a "
          "trainer"};
}

std::vector<Finding> trainer_findings(const v1::TrainerList& list) {
  std::vector<Finding> findings;
  std::map<std::string, int> alive;
  for (const auto& trainer : list.trainers()) {
    if (!trainer.live()) continue;
    const auto name = "trainer " + printable(trainer.session_id());
    if (++alive[trainer.session_id()] == 2)
      findings.push_back({Verdict::kCare, name, "two that are alive have this name",
                          "end one, or give it another name (--name); a command names one as RUN/TRAINER@INCARNATION"});
    if (trainer.has_clock_skew_ms() && std::llabs(trainer.clock_skew_ms()) > kSkewMs)
      findings.push_back({Verdict::kCare, name,
                          fmt::format("its clock is {} {}",
                                      duration_text(static_cast<double>(std::llabs(trainer.clock_skew_ms())) / 1e3),
                                      trainer.clock_skew_ms() < 0 ? "behind" : "ahead"),
                          "let NTP set it; times of its records are off by as much"});
    if (trainer.by_control_only())
      findings.push_back({Verdict::kCare, name, "delivers over the control port: its data port does not connect",
                          "open port P of the broker from that machine"});
  }
  if (findings.empty()) findings.push_back({Verdict::kGood, "trainers", fmt::format("{} alive", alive.size()), ""});
  return findings;
}

std::string finding_text(const Finding& finding) {
  auto text = fmt::format("{:<4}  {}: {}", verdict_word(finding.verdict), finding.about, finding.found);
  return finding.remedy.empty() ? text : text + "\n      do: " + finding.remedy;
}

std::string findings_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::json::array();
  for (const auto& finding : findings)
    list.push_back({{"verdict", verdict_word(finding.verdict)},
                    {"about", finding.about},
                    {"found", finding.found},
                    {"remedy", finding.remedy}});
  return nlohmann::json{{"good", all_good(findings)}, {"findings", list}}.dump(
      2, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool all_good(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.verdict == Verdict::kBad; });
}

}  // namespace trainbus
