#include "trainbus/storing.hpp"

namespace trainbus {

std::string storing_trouble(const v1::BrokerStats& stats) {
  const auto is_set = [&](const char* gauge) {
    const auto found = stats.gauges().find(gauge);
    return found != stats.gauges().end() && found->second != 0;
  };
  if (is_set("state_folder_missing"))
    return "the broker stores nothing now: its state folder is not in its place, its log says which file";
  return is_set("journal_failing") ? "the broker stores nothing now: its journal fails, its log says why" : "";
}

std::string journal_losses(const v1::BrokerStats& stats) {
  const auto count = [&](const char* counter) {
    const auto found = stats.counters().find(counter);
    return found == stats.counters().end() ? 0 : found->second;
  };
  std::string losses;
  if (const auto gone = count("journal_gone_at_start_total"); gone > 0)
    losses = "the journal's last " + std::to_string(gone) + " records were gone when the broker started";
  if (const auto damaged = count("journal_damaged_total"); damaged > 0)
    losses += (losses.empty() ? "" : "; ") + std::to_string(damaged) + " records of the journal cannot be read";
  return losses;
}

}  // namespace trainbus
