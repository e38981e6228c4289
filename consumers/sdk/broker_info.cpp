#include "trainbus/broker_info.hpp"

namespace trainbus {

std::string broker_info(const v1::BrokerStats& stats, std::string_view label) {
  const auto begin = std::string(label) + "=\"";
  for (const auto& [name, value] : stats.gauges()) {
    const auto at = name.starts_with("info{") ? name.find(begin) : std::string::npos;
    if (at == std::string::npos) continue;
    const auto from = at + begin.size();
    return name.substr(from, name.find('"', from) - from);
  }
  return {};
}

}  // namespace trainbus
