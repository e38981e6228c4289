#include "limit_alert.hpp"

#include <utility>

#include "trainbus/wire.hpp"

namespace trainbus {

void LimitAlert::met(const std::string& what, Clock::time_point now) {
  met_at_ = now;
  if (alert_.active()) return;
  alert_.set_alert_id(new_command_id());
  change(true, what);
}

const v1::Alert* LimitAlert::due(Clock::time_point now) {
  if (alert_.active() && now - met_at_ >= kBites) change(false, "nothing is left out any more");
  if (!due_ || now < next_) return nullptr;
  next_ = now + kAgain;
  return &alert_;
}

const v1::Alert* LimitAlert::end(Clock::time_point now) {
  if (alert_.active()) change(false, "the training has ended");
  return due(now);
}

void LimitAlert::change(bool active, std::string message) {
  alert_.set_rule("limit");
  alert_.set_active(active);
  alert_.set_message(std::move(message));
  alert_.set_timestamp_ms(static_cast<std::uint64_t>(unix_ms()));
  due_ = true;
  next_ = {};
}

}  // namespace trainbus
