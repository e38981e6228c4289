#pragma once
// Rules as sentences: what `trainbus-watch check` says.

#include <string>
#include <vector>

#include "rule.hpp"

namespace trainbus {

// One line a channel and a rule. Of a webhook's URL only scheme and host.
std::vector<std::string> in_words(const RuleSet& set);

}  // namespace trainbus
