#include "sink_alerts.hpp"

#include "trainbus/bus_session.hpp"
#include "trainbus/host_name.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kAlertPatience{300};
constexpr milliseconds kAgain{1000};
const std::string kFailing = "sink_failing", kLimit = "limit";

std::string program_of(const std::string& label) { return "log-" + label; }

}  // namespace

SinkAlerts::SinkAlerts(const std::string& broker) : client_(broker), host_(host_name()) {
  past_.emplace(ConsumerOptions{.broker = broker, .kinds = {v1::KIND_ALERT}, .run = std::string(kBusRun)});
}

void SinkAlerts::turn(const std::vector<SinkReport>& reports, Time now) {
  if (now < next_ || !knows_the_past(reports)) return;
  for (const auto& report : reports) {
    if (update(report, kFailing, report.failing() ? report.trouble() : "", "works again") &&
        update(report, kLimit, report.limits, "no limit is met any more"))
      continue;
    next_ = now + kAgain;
    return;
  }
}

// An empty `trouble` means there is none. False: no broker took what changed. The words of a failure may change while
// it lasts; those of a limit say which one, so that they are told again.
bool SinkAlerts::update(const SinkReport& report, const std::string& rule, const std::string& trouble,
                        const std::string& end) {
  const Key key{report.label, rule};
  auto& said = said_[key];
  const bool active = !trouble.empty();
  if (said.active == active && (!active || rule != kLimit || said.what == trouble)) return true;
  if (said.active) {  // the broker takes one text of an active alert: another one is another alert
    if (!say(key, {said.alert_id, false, active ? "it is not the only limit any more" : end}, report.failures))
      return false;
    said.active = false;
  }
  if (!active) return true;
  const Said next{owner_of(report) + new_command_id(), true, trouble};
  if (!say(key, next, report.failures)) return false;
  said = next;
  return true;
}

bool SinkAlerts::knows_the_past(const std::vector<SinkReport>& reports) {
  while (past_) {
    const auto* record = past_->next(milliseconds(0));
    if (record == nullptr) {
      if (!past_->caught_up()) return false;
      past_.reset();
      break;
    }
    const auto& alert = record->message.alert();
    for (const auto& report : reports)
      if (record->topic.session.trainer == program_of(report.label) && alert.alert_id().starts_with(owner_of(report)))
        said_[{report.label, alert.rule()}] = {alert.alert_id(), alert.active()};
  }
  return true;
}

std::string SinkAlerts::owner_of(const SinkReport& report) const { return host_ + '/' + report.hash + '/'; }

void SinkAlerts::end() {
  for (auto& [key, said] : said_)
    if (said.active && !say(key, {said.alert_id, false, "trainbus-log ended"}, 0)) return;
}

bool SinkAlerts::say(const Key& key, const Said& said, std::uint64_t failures) {
  const auto& [label, rule] = key;
  v1::Alert alert;
  alert.set_alert_id(said.alert_id);
  alert.set_rule(rule);
  alert.set_active(said.active);
  alert.set_message("sink " + label + ": " + said.what);
  alert.set_trainer_incarnation(incarnation_);
  alert.set_timestamp_ms(unix_ms());
  if (rule == kFailing) alert.set_value(static_cast<double>(failures));
  return client_.raise(bus_session(program_of(label)).id(), alert, kAlertPatience);
}

}  // namespace trainbus
