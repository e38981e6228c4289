#include "limit_text.hpp"

#include <spdlog/fmt/fmt.h>

#include "text_forms.hpp"
#include "trainbus/limits.hpp"

namespace trainbus {

std::vector<std::string> limit_lines(const v1::BrokerStats& stats) {
  if (stats.limits().empty()) return {};
  std::vector<std::string> lines = {
      fmt::format("{:<20} {:>14} {:>18} {:>8}  {}", "LIMIT", "NOW", "BOUND", "MET", "WHEN IT IS MET")};
  for (const auto& limit : stats.limits())
    lines.push_back(fmt::format("{:<20} {:>14} {:>18} {:>8}  {}{}", printable(limit.name()),
                                limit_amount(limit.value(), limit.unit() == "bytes" ? "bytes" : ""),
                                limit_amount(limit.bound(), printable(limit.unit())), limit.met_total(),
                                limit.biting() ? "NOW: " : "", printable(limit.policy())));
  lines.emplace_back();
  return lines;
}

}  // namespace trainbus
