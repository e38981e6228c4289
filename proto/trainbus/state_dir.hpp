#pragma once
// Where a program keeps what it must find again after a restart.

#include <string>
#include <string_view>

namespace trainbus {

// $XDG_STATE_HOME/trainbus/NAME, else ~/.local/state/trainbus/NAME. Only absolute paths count (XDG Base Directory
// Specification); empty when there is none.
std::string default_state_dir(std::string_view name);
// `given` by --state-dir, or the default. Throws std::runtime_error with one line when there is neither.
std::string chosen_state_dir(const std::string& given, std::string_view name);

}  // namespace trainbus
