#include "trainbus/reload_signal.hpp"

#include <atomic>
#include <csignal>

namespace trainbus {
namespace {

std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void watch_reload_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) { asked.store(true, std::memory_order_relaxed); };
  sigaction(SIGHUP, &action, nullptr);
}

bool take_reload_signal() { return asked.exchange(false, std::memory_order_relaxed); }

}  // namespace trainbus
