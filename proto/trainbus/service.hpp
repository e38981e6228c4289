#pragma once
// What a program says to the service manager that started it, and what it is asked for by SIGHUP.

#include <functional>
#include <string>

namespace trainbus {

// A datagram to $NOTIFY_SOCKET, as sd_notify(3): "READY=1". Nothing where there is none; never blocks, never fails.
void notify_manager(const std::string& state);
// Said once what others need of this program is there: Type=notify waits for it.
void service_ready();

// Every program blocks SIGHUP: it ends none, and interrupts no call. Called before the first thread starts.
void hold_reload_signal();
// What a reload is, of any program; run_program says it.
void on_reload(std::function<void()> reread);
// From the loop of a service: when SIGHUP came, reads the configuration again. True then: what else is read from files
// is due, too.
bool reload_if_asked();

}  // namespace trainbus
