#include "broker/name_conflicts.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "trainbus/incarnation.hpp"

namespace trainbus {

void NameConflicts::restore(const v1::MetricsRequest& record) {
  if (record.alert().rule() != kRule) return;
  if (record.alert().active())
    open_[record.session_id()] = {record.alert(), true};
  else
    open_.erase(record.session_id());
}

void NameConflicts::tick(std::int64_t now_ms) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookEveryMs;
  if (settled_ms_ == 0) settled_ms_ = now_ms + Roster::kSettlingMs;
  for (const auto& crowd : roster_.crowds(now_ms))
    if (crowd.overlap && !open_.contains(crowd.session_id)) begin(crowd);
  const auto& in_store = store_.shared().now(now_ms);
  const auto& unnumbered = roster_.shared().now(now_ms);
  look_for_shared(in_store,
                  "records come again under their numbers: two trainers say this incarnation, or one that was "
                  "started again did. Of each number only the first record is kept");
  look_for_shared(unnumbered,
                  "two trainers publish under this name at once, without an incarnation: they are taken for one");
  std::vector<std::string> over;
  for (const auto& [session_id, open] : open_)
    if ((!open.restored || now_ms >= settled_ms_) && roster_.live(session_id, now_ms).size() < 2 &&
        !in_store.contains(session_id) && !unnumbered.contains(session_id))
      over.push_back(session_id);
  for (const auto& session_id : over)
    end(session_id);
}

void NameConflicts::look_for_shared(const SharedNames::Noted& shared, const std::string& what) {
  for (const auto& [session_id, evidence] : shared) {
    if (open_.contains(session_id)) continue;
    v1::Alert alert;
    alert.set_message(incarnation_address(session_id, evidence.incarnation) + ": " + what);
    alert.set_trainer_incarnation(evidence.incarnation);
    alert.set_value(2);
    begin(session_id, std::move(alert));
  }
}

void NameConflicts::begin(const Roster::Crowd& crowd) {
  std::string names;
  for (const auto* one : crowd.live)
    names += (names.empty() ? "" : " and ") + incarnation_address(crowd.session_id, one->number) +
             (one->client_name.empty() ? "" : " (" + one->client_name + ")");
  v1::Alert alert;
  alert.set_message(std::to_string(crowd.live.size()) + " trainers of this name are alive: " + names);
  alert.set_trainer_incarnation(crowd.live.back()->number);
  alert.set_value(static_cast<double>(crowd.live.size()));
  begin(crowd.session_id, std::move(alert));
}

void NameConflicts::begin(const std::string& session_id, v1::Alert alert) {
  alert.set_alert_id(std::string(kRule) + '-' + new_command_id());
  alert.set_rule(kRule);
  alert.set_active(true);
  spdlog::warn("{}: {}", session_id, alert.message());
  open_[session_id] = {alert, false};
  write(session_id, alert);
}

void NameConflicts::end(const std::string& session_id) {
  v1::Alert alert = std::move(open_[session_id].alert);
  open_.erase(session_id);
  alert.set_active(false);
  alert.set_message("no more than one trainer of this name is alive");
  alert.clear_value();
  write(session_id, alert);
}

void NameConflicts::write(const std::string& session_id, const v1::Alert& alert) {
  const auto session = parse_session_id(session_id);
  if (!session) return;
  v1::MetricsRequest record;
  record.set_session_id(session_id);
  record.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  record.set_incarnation(alert.trainer_incarnation());
  *record.mutable_alert() = alert;
  record.mutable_alert()->set_timestamp_ms(record.timestamp_ms());
  if (auto row = roster_.to_store(session_id, record.incarnation())) store_.add(std::move(*row));
  store_.write({v1::KIND_ALERT, *session}, record, {});
}

}  // namespace trainbus
