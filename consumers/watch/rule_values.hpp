#pragma once
// Values of a rules file: times, factors, counts, actions. Empty when the text is not one.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rule.hpp"

namespace trainbus {

// "500ms", "30s", "10min", "2h", "1d"; "0" too. From 0 to 30 days; in ms.
std::optional<std::int64_t> parse_time(std::string_view text);
// "5x", "0.5x", "50%", "1%": a positive factor up to 1e9.
std::optional<double> parse_factor(std::string_view text);
// "50 MB/min": positive.
std::optional<double> parse_mb_per_minute(std::string_view text);
// "100 batches": the number, 1 to `most`; `unit` must be this one, in the plural or the singular ("1 epoch").
std::optional<int> parse_count(std::string_view text, std::string_view unit, int most);
// What `when` says: a condition and the value that it is of.
struct WhenText {
  ConditionKind kind;
  std::string of;
  double limit = 0;  // of a threshold
  bool below = false;
};
// "spike of NAME", "plateau of NAME", "collapse of NAME", "not_finite of NAME", "NAME above 100", "NAME below 0.5".
std::optional<WhenText> parse_when(std::string_view text);
// "pause", "stop", "set-lr 0.001", "set-lr 0.5x", "set-batch-size 64", "set weight_decay 0.01", "set save_checkpoint".
std::optional<RuleAction> parse_action(std::string_view text);

}  // namespace trainbus
