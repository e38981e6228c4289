#pragma once
// trainbus-ctl doctor: what stands between here and a broker, and what to do about it.

#include "verbs.hpp"

namespace trainbus {

// Looks at the key, the three ports, the broker's answers and this machine, and prints a finding each. 0 when none is
// bad; throws nothing of its own: a broker that is away is a finding.
int examine(const CtlOptions& ctl);

}  // namespace trainbus
