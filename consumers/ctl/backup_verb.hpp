#pragma once
// A consistent copy of the broker's journal, over the control port.

#include <string>

#include "verbs.hpp"

namespace trainbus {

// Writes FILE.part (0600), checks it, and renames it to FILE when all is there. Throws std::runtime_error with one line
// when FILE is there and `force` is not set, when there is no room, and when the copy is not sound.
int back_up_journal(const CtlOptions& ctl, const std::string& file, bool force);

}  // namespace trainbus
