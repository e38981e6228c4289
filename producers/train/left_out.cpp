#include "left_out.hpp"

#include <algorithm>
#include <vector>

namespace trainbus {

std::string LeftOut::text() const {
  constexpr std::size_t kMostReasons = 8;
  std::vector<std::pair<std::string, std::size_t>> sorted(counts_.begin(), counts_.end());
  std::ranges::stable_sort(sorted, [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  std::size_t others = 0;
  for (std::size_t at = 0; at < sorted.size(); ++at)
    if (at < kMostReasons)
      text += (at == 0 ? "" : ", ") + std::to_string(sorted[at].second) + ' ' + sorted[at].first;
    else
      others += sorted[at].second;
  if (others > 0) text += " and " + std::to_string(others) + " more";
  return text;
}

}  // namespace trainbus
