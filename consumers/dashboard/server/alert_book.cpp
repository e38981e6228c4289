#include "alert_book.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "json_text.hpp"

namespace trainbus {

void AlertBook::take(const Record& record) {
  const auto& said = record.message.alert();
  const auto at_ms = record_ms(record.message);
  const auto [found, is_new] = by_id_.try_emplace(said.alert_id());
  BookedAlert& alert = found->second;
  if (is_new) {
    alert.alert_id = said.alert_id();
    alert.session = record.topic.session;
    alert.incarnation = said.trainer_incarnation();
    alert.rule = said.rule();
    alert.raised_ms = std::numeric_limits<std::int64_t>::max();
  }
  alert.raised_ms = std::min(alert.raised_ms, at_ms);
  if (!said.active()) {
    alert.ended_ms = std::max(alert.ended_ms, at_ms);
  } else if (at_ms > alert.ended_ms) {
    alert.ended_ms = 0;
    alert.message = said.message();
  }
  if (alert.message.empty()) alert.message = said.message();
  keep_bound();
}

void AlertBook::keep_bound() {
  if (by_id_.size() <= kMaxAlerts) return;
  const auto oldest = std::ranges::min_element(
      by_id_, {}, [](const auto& entry) { return std::tuple(entry.second.ended_ms == 0, entry.second.raised_ms); });
  by_id_.erase(oldest);
  ++left_out_;
}

std::vector<const BookedAlert*> AlertBook::newest_first() const {
  std::vector<const BookedAlert*> alerts;
  for (const auto& [id, alert] : by_id_)
    alerts.push_back(&alert);
  std::ranges::stable_sort(alerts, std::greater{}, &BookedAlert::raised_ms);
  return alerts;
}

std::string alerts_json(const AlertBook& book) {
  std::string out;
  {  // closed before it moves away
    JsonObject object(out);
    append_json_array(object.key("alerts"), book.newest_first(), [&](const BookedAlert* alert) {
      JsonObject one(out);
      one.add("alert_id", alert->alert_id).add("run", alert->session.run).add("trainer", alert->session.trainer);
      one.add("incarnation", std::to_string(alert->incarnation)).add("rule", alert->rule);
      one.add("message", alert->message).add("raised_ms", alert->raised_ms);
      if (alert->ended_ms == 0) {
        one.add_null("ended_ms");
      } else {
        one.add("ended_ms", alert->ended_ms);
      }
    });
    object.add("left_out", book.left_out());
  }
  return out;
}

}  // namespace trainbus
