#include "sink_alerts.hpp"

#include "trainbus/bus_session.hpp"
#include "trainbus/host_name.hpp"

namespace trainbus {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{300};
constexpr milliseconds kAgain{1000};

std::string program_of(const std::string& label) { return "log-" + label; }

}  // namespace

SinkAlerts::SinkAlerts(const std::string& broker) : client_(broker), host_(host_name()) {
  past_.emplace(ConsumerOptions{.broker = broker, .kinds = {v1::KIND_ALERT}, .run = std::string(kBusRun)});
}

void SinkAlerts::turn(const std::vector<SinkReport>& reports, Time now) {
  if (now < next_ || !knows_the_past(reports)) return;
  for (const auto& report : reports) {
    auto& said = said_[report.label];
    if (said.active == report.failing()) continue;
    const Said next{said.active ? said.alert_id : owner_of(report) + new_command_id(), report.failing()};
    if (!say(report.label, next, next.active ? report.trouble() : "works again", report.failures)) {
      next_ = now + kAgain;
      return;
    }
    said = next;
  }
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
        said_[report.label] = {alert.alert_id(), alert.active()};
  }
  return true;
}

std::string SinkAlerts::owner_of(const SinkReport& report) const { return host_ + '/' + report.hash + '/'; }

void SinkAlerts::end() {
  for (auto& [label, said] : said_)
    if (said.active && !say(label, {said.alert_id, false}, "trainbus-log ended", 0)) return;
}

bool SinkAlerts::say(const std::string& label, const Said& said, const std::string& what, std::uint64_t failures) {
  v1::Alert alert;
  alert.set_alert_id(said.alert_id);
  alert.set_rule("sink_failing");
  alert.set_active(said.active);
  alert.set_message("sink " + label + ": " + what);
  alert.set_trainer_incarnation(incarnation_);
  alert.set_timestamp_ms(unix_ms());
  alert.set_value(static_cast<double>(failures));
  return client_.raise(bus_session(program_of(label)).id(), alert, kPatience);
}

}  // namespace trainbus
