#pragma once
// The broker's bounds for people.

#include <string>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

// A table: limit, now, bound, how often it was met, and what happens then; an empty line at the end. Empty when the
// broker states none.
std::vector<std::string> limit_lines(const v1::BrokerStats& stats);

}  // namespace trainbus
