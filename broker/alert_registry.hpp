#pragma once
// Which alerts were taken: the same id twice (in the same state) is one alert. Pure.

#include <set>
#include <string>

#include "trainbus.pb.h"

namespace trainbus {

class AlertRegistry {
 public:
  static constexpr std::size_t kMaxAlerts = 200'000;  // policy: past it repeats are no longer recognised

  // True when it is new.
  bool add(const v1::Alert& alert) {
    if (seen_.size() >= kMaxAlerts) seen_.clear();
    return seen_.insert(alert.alert_id() + (alert.active() ? '+' : '-')).second;
  }

 private:
  std::set<std::string> seen_;
};

}  // namespace trainbus
