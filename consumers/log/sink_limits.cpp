#include "sink_limits.hpp"

namespace trainbus {

void SinkLimits::met(const std::string& name, double bound, const std::string& unit, const std::string& policy) {
  const std::lock_guard lock(mutex_);
  const auto [count, is_new] = counts_.try_emplace(name, 0);
  ++count->second;
  if (is_new)
    table_.add({label_ + ' ' + name, unit, bound, policy, [bound] { return bound; },
                [&total = count->second] { return total; }});
}

void SinkLimits::look(std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  table_.look(now_ms);
}

std::string SinkLimits::biting() const {
  const std::lock_guard lock(mutex_);
  return table_.biting();
}

std::map<std::string, std::uint64_t> SinkLimits::met() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace trainbus
