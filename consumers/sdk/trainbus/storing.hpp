#pragma once
// Whether the broker stores what it takes in: its alert reaches only those who were there when it began.

#include <string>

#include "trainbus.pb.h"

namespace trainbus {

// Why the broker stores nothing now, in one line; empty: it stores.
std::string storing_trouble(const v1::BrokerStats& stats);

// What the broker found to be missing in its journal since its start, in one line; empty: nothing.
std::string journal_losses(const v1::BrokerStats& stats);

}  // namespace trainbus
