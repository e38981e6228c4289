#pragma once
// What trainbus-ctl doctor thinks of what it saw. Pure: facts in, words out.

#include <cstdint>
#include <string>
#include <vector>

#include "trainbus.pb.h"
#include "trainbus/port_probe.hpp"

namespace trainbus {

enum class Verdict { kGood, kCare, kBad };

struct Finding {
  Verdict verdict = Verdict::kGood;
  std::string about;   // "port 7761 (data out)"
  std::string found;   // what is so
  std::string remedy;  // what to do; "" where all is well
};

Finding port_finding(const std::string& role, const std::string& endpoint, const PortProblem& problem);
// "": no key.
Finding key_finding(const std::string& path, const std::string& name, const std::string& role);
Finding version_finding(const std::string& ours, const v1::BrokerStats& stats);
// `ahead_ms`: the broker's clock minus this one's; known to half a `round_trip_ms`.
Finding clock_finding(std::int64_t ahead_ms, std::int64_t round_trip_ms);
Finding journal_finding(const v1::BrokerStats& stats);
// Where the broker keeps its journal; nothing from one that does not say.
std::vector<Finding> broker_disk_findings(const v1::BrokerStats& stats);
// Where records of this machine wait for a broker.
Finding spool_disk_finding(const std::string& folder, std::uint64_t free_bytes, std::uint64_t bytes);
Finding disk_finding(const std::string& about, std::uint64_t free_bytes, std::uint64_t bytes,
                     const std::string& remedy = {});
// Of the broker: what is met, or nearly.
std::vector<Finding> limit_findings(const v1::BrokerStats& stats);
// Of the archives that retention waits for: one that never came, is quiet or far behind.
std::vector<Finding> archive_findings(const v1::BrokerStats& stats);
// How many files a program may have open here.
Finding file_limit_finding(std::uint64_t files);
// Of the trainers that are alive: clocks that are off, two of one name, a data port that does not connect.
std::vector<Finding> trainer_findings(const v1::TrainerList& list);

// The line of a finding, and one with the remedy: "care  clock: ...", "      do: ...".
std::string finding_text(const Finding& finding);
// {"findings":[{"verdict","about","found","remedy"}],"good":true}
std::string findings_json(const std::vector<Finding>& findings);
bool all_good(const std::vector<Finding>& findings);

}  // namespace trainbus
