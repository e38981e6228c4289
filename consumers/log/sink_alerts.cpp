#include "sink_alerts.hpp"

namespace trainbus {
namespace {

constexpr std::chrono::milliseconds kPatience{300};
constexpr std::chrono::milliseconds kAgain{1000};

}  // namespace

void SinkAlerts::turn(const std::vector<SinkReport>& reports, Time now) {
  if (now < next_) return;
  for (const auto& report : reports) {
    auto& said = said_[report.label];
    if (said.active == report.failing()) continue;
    const Said next{said.active ? said.alert_id : new_command_id(), report.failing()};
    if (!say(report, next)) {
      next_ = now + kAgain;
      return;
    }
    said = next;
  }
}

bool SinkAlerts::say(const SinkReport& report, const Said& said) {
  v1::Alert alert;
  alert.set_alert_id(said.alert_id);
  alert.set_rule("sink_failing");
  alert.set_active(said.active);
  alert.set_message("sink " + report.label + ": " + (said.active ? report.trouble() : "works again"));
  alert.set_trainer_incarnation(incarnation_);
  alert.set_timestamp_ms(unix_ms());
  alert.set_value(static_cast<double>(report.failures));
  return client_.raise("trainbus/log-" + report.label, alert, kPatience);
}

}  // namespace trainbus
