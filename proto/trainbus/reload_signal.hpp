#pragma once
// SIGHUP: read again what is read from files.

namespace trainbus {

// From now on SIGHUP asks for it, and ends nothing.
void watch_reload_signal();
// True once for each time (or several close together) that it came.
bool take_reload_signal();

}  // namespace trainbus
