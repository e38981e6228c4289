#include "trainbus/limits.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <utility>

namespace trainbus {

bool LimitTable::look(std::int64_t now_ms) {
  if (now_ms < next_look_ms_) return false;
  next_look_ms_ = now_ms + kLookEveryMs;
  std::string biting;
  for (Row& row : rows_) {
    const auto met = row.limit.met();
    if (met > row.met) row.met_ms = now_ms;
    if (met > row.met && now_ms - row.said_ms >= kSayEveryMs) say(row, met, now_ms);
    row.met = met;
    row.bites = now_ms - row.met_ms < kBitesMs;
    if (!row.bites) continue;
    biting += (biting.empty() ? "" : "; ") + row.limit.name + " (at most " +
              limit_amount(row.limit.bound, row.limit.unit) + "): " + row.limit.policy;
  }
  return std::exchange(biting_, std::move(biting)) != biting_;
}

void LimitTable::say(Row& row, std::uint64_t met, std::int64_t now_ms) {
  row.said_ms = now_ms;
  spdlog::warn("the limit of {} ({}) was met, {} times since the start: {}", row.limit.name,
               limit_amount(row.limit.bound, row.limit.unit), met, row.limit.policy);
}

std::vector<v1::Limit> LimitTable::limits() const {
  std::vector<v1::Limit> limits;
  for (const Row& row : rows_) {
    auto& limit = limits.emplace_back();
    limit.set_name(row.limit.name);
    limit.set_unit(row.limit.unit);
    limit.set_bound(row.limit.bound);
    limit.set_policy(row.limit.policy);
    limit.set_value(row.limit.value());
    limit.set_met_total(row.limit.met());
    limit.set_biting(row.bites || limit.met_total() > row.met);
  }
  return limits;
}

std::string limit_amount(double amount, const std::string& unit) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB"};
  const char* shown = unit.c_str();
  if (unit == "bytes")
    for (std::size_t i = 0; i < kUnits.size() && amount >= 1024; ++i, amount /= 1024)
      shown = kUnits[i];
  const int decimals = amount < 10 && amount != static_cast<double>(static_cast<std::int64_t>(amount)) ? 1 : 0;
  return fmt::format("{:.{}f}{}{}", amount, decimals, *shown == '\0' ? "" : " ", shown);
}

}  // namespace trainbus
