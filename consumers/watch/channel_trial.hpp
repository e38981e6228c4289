#pragma once
// `trainbus-watch test`: one notice through every channel.

#include <iosfwd>

#include "rule.hpp"

namespace trainbus {

// One attempt each, all at the same time; a line for each as it ends (JSON with `json`). 1 when any failed, else 0.
// Throws as make_channel().
int test_channels(const RuleSet& set, bool json, std::ostream& out);

}  // namespace trainbus
