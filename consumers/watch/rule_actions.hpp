#pragma once
// What rules do: a command for each incident, once, whoever watches and however often it restarts.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "alert_rules.hpp"
#include "trainbus/trainer_table.hpp"

namespace trainbus {

struct DueCommand {
  std::string session_id;
  v1::ControlCommand command;
};

// Pure: fed with the alert and command records of the journal. A command's id is made from its alert's, so the broker
// knows a repetition; it is meant for the incarnation of the alert. How it ended (or why it was not sent) is a second
// alert of the same rule. Single-threaded.
class RuleActions {
 public:
  // No action later than this after its alert: what it was good for is over.
  static constexpr std::int64_t kSoonMs = 60'000;
  static constexpr std::int64_t kOldListMs = 5'000;  // a list that does not have the alert's incarnation may be older
  static constexpr std::int64_t kDeadlineMs = 30'000;

  // `rules` must outlive it.
  RuleActions(const RuleSet& rules, std::string host) : rules_(rules), host_(std::move(host)) {}

  // A record of the journal: an alert, or a state of a command.
  void take(const v1::MetricsRequest& record);
  // The broker's answer to a command; `error` when it refused.
  void answered(const std::string& command_id, const v1::ControlCommand& command);
  void refused(const std::string& command_id, const std::string& error);

  // The commands to be sent now, again until answered. Of a trainer that cannot be seen later.
  std::vector<DueCommand> due(const std::vector<TrainerTable::Row>& rows, std::int64_t now_ms);
  // The alerts that say how actions ended, again until take() has seen them.
  std::vector<DueAlert> outcomes(std::int64_t now_ms) const;

 private:
  struct Pending {
    std::string session_id;
    v1::Alert alert;
    const Rule* rule;
    bool sent = false;
    std::string outcome = {};  // one line; "": not ended
  };
  void end(Pending& pending, const std::string& how) const;
  // Sets pending.outcome when it cannot be done.
  v1::ControlCommand command_for(const std::string& command_id, Pending& pending, const TrainerTable::Row& row) const;

  const RuleSet& rules_;
  const std::string host_;
  std::map<std::string, Pending> pending_;  // by command id
};

// 32 hex digits that follow from the alert's id.
std::string action_command_id(const std::string& session_id, const std::string& alert_id);

}  // namespace trainbus
