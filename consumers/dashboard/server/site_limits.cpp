#include "site_limits.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <vector>

#include "server.hpp"
#include "site.hpp"
#include "trainbus/bus_session.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::int64_t kAgainMs = 5'000;

}  // namespace

SiteLimits::SiteLimits(Site& site) : site_(site), incarnation_(new_incarnation()) {
  const auto& bounds = site.server.connections.bounds();
  table_.add(
      {"dashboard_connections", "connections", static_cast<double>(bounds.all),
       "idle connections end for others; where none is idle, further ones are answered 503",
       [&site] { return static_cast<double>(site.server.connections.current()); },
       [&site] { return site.server.connections.counters().refused + site.server.connections.counters().made_way; }});
  table_.add({"dashboard_browsers", "WebSockets", static_cast<double>(bounds.web_sockets()),
              "further browsers, or those of one address, are answered 503 with the reason",
              [&site] { return static_cast<double>(site.server.connections.web_sockets()); },
              [&site] { return site.server.connections.counters().web_sockets_refused; }});
  table_.add({"dashboard_browser_queue", "bytes", static_cast<double>(site.server.options.queue_bytes),
              "a browser that does not read is cut, with the reason, and connects again", [] { return 0.0; },
              [&site] { return site.hub.counters().slow_readers; }});
  table_.add({"dashboard_questions", "questions", static_cast<double>(ControlDesk::kMaxJobs),
              "further commands are answered 503", [&site] { return static_cast<double>(site.desk.waiting()); },
              [&site] { return site.desk.refused(); }});
}

void SiteLimits::look(std::int64_t now_ms) {
  table_.look(now_ms);
  if (raising_ || now_ms < next_raise_ms_ || table_.biting() == raised_) return;
  next_raise_ms_ = now_ms + kAgainMs;
  raise(table_.biting());
}

// Again later until the broker has it. One takes one text of an active alert: another one is another alert.
void SiteLimits::raise(const std::string& biting) {
  std::vector<v1::Alert> alerts;
  const auto add = [&](bool active, const std::string& message) {
    auto& alert = alerts.emplace_back();
    alert.set_alert_id(alert_id_);
    alert.set_rule("limit");
    alert.set_active(active);
    alert.set_message(std::string(clipped(message, kMaxTextBytes)));
    alert.set_trainer_incarnation(incarnation_);
    alert.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  };
  if (!raised_.empty()) add(false, biting.empty() ? "no limit is met any more" : "other limits are met");
  if (!biting.empty()) {
    alert_id_ = new_command_id();
    add(true, biting);
  }
  raising_ = site_.desk.ask([this, &io = site_.server.io, biting, alerts = std::move(alerts)](ControlClient& client) {
    const bool stored = std::ranges::all_of(alerts, [&](const v1::Alert& alert) {
      return client.raise(bus_session("dashboard").id(), alert, ControlDesk::kTimeout);
    });
    boost::asio::post(io, [this, biting, stored] {
      raising_ = false;
      if (stored) raised_ = biting;
    });
  });
}

}  // namespace trainbus
