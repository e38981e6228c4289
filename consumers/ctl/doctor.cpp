#include "doctor.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>

#include "doctor_checks.hpp"
#include "trainbus/control_client.hpp"
#include "trainbus/file_limit.hpp"
#include "trainbus/program.hpp"
#include "trainbus/state_dir.hpp"

namespace trainbus {
namespace {

using namespace std::chrono_literals;
using Findings = std::vector<Finding>;

constexpr auto kDoorPatience = 3s;

struct Door {
  const char* role;
  std::string endpoint;
  zmq::socket_type as;
  const char* for_whom;  // a role of keys; "": everybody
};

// The key of this process; nothing, with a finding, where its file cannot be used.
bool look_at_key(std::optional<KeyFile>& key, Findings& findings) {
  try {
    key = process_key();
  } catch (const std::invalid_argument& error) {
    findings.push_back({Verdict::kBad, "key", error.what(), "name the file that `trainbus-keys add` wrote for you"});
    return false;
  }
  findings.push_back(key ? key_finding(key->path, key->said("name"), key->said("role")) : key_finding("", "", ""));
  return true;
}

// True when the broker may be asked.
bool look_at_ports(const Endpoints& broker, const std::optional<KeyFile>& key, Findings& findings) {
  const Door doors[] = {{"data in", broker.data_in(), zmq::socket_type::pub, "trainer"},
                        {"data out", broker.data_out(), zmq::socket_type::sub, "viewer"},
                        {"control", broker.control(), zmq::socket_type::dealer, ""}};
  const auto role = key ? key->said("role") : "";
  bool answers = false;
  for (const auto& door : doors) {
    auto problem = port_problem(door.endpoint, kDoorPatience, key, door.as);
    const bool not_for_this_key = !role.empty() && role.find(door.for_whom) == std::string::npos;
    if (problem.about_key && not_for_this_key) problem = {};  // a key that nobody knows is named by the control port
    findings.push_back(port_finding(door.role, door.endpoint, problem));
    answers = problem.text.empty();
  }
  return answers;
}

void look_at_broker(const CtlOptions& ctl, Findings& findings) {
  ControlClient client(ctl.broker);
  const auto add = [&](Findings more) { findings.insert(findings.end(), more.begin(), more.end()); };
  const auto stats = client.stats(kDoorPatience);
  if (!stats) {
    const auto refused = client.refusal();
    findings.push_back({Verdict::kBad, "broker",
                        refused.empty() ? "takes connections, but answers no question" : refused,
                        refused.empty() ? "look into its log; start it anew where it hangs"
                                        : "ask who runs the broker for a key with another role"});
    return;
  }
  findings.push_back(version_finding(version(), *stats));
  findings.push_back(journal_finding(*stats));
  add(broker_disk_findings(*stats));
  add(archive_findings(*stats));
  add(limit_findings(*stats));
  const auto asked_ms = steady_ms();
  const auto list = client.list("", kDoorPatience);
  if (!list) return;
  const auto round_trip_ms = steady_ms() - asked_ms;
  findings.push_back(clock_finding(list->broker_time_ms() - (unix_ms() - round_trip_ms / 2), round_trip_ms));
  add(trainer_findings(*list));
}

void look_here(Findings& findings) {
  findings.push_back(file_limit_finding(raise_file_limit()));
  const char* said = std::getenv("TRAINBUS_SPOOL_DIR");
  std::filesystem::path spool = said != nullptr ? said : default_state_dir("spool");
  std::error_code error;
  while (!std::filesystem::exists(spool, error) && spool.has_relative_path())
    spool = spool.parent_path();  // where it will be made
  const auto space = std::filesystem::space(spool, error);
  if (!error && !spool.empty()) findings.push_back(spool_disk_finding(spool.string(), space.available, space.capacity));
}

}  // namespace

int examine(const CtlOptions& ctl) {
  Findings findings;
  std::optional<KeyFile> key;
  const bool key_is_good = look_at_key(key, findings);
  if (key_is_good && look_at_ports(parse_endpoints(ctl.broker), key, findings)) look_at_broker(ctl, findings);
  look_here(findings);
  if (ctl.json)
    std::cout << findings_json(findings) << std::endl;
  else
    for (const auto& finding : findings)
      std::cout << finding_text(finding) << std::endl;
  return all_good(findings) ? 0 : 1;
}

}  // namespace trainbus
