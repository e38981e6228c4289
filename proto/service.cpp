#include "trainbus/service.hpp"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace trainbus {
namespace {

std::function<void()>& reread_hook() {
  static std::function<void()> hook;
  return hook;
}

sigset_t only_reload() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

void notify_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  const std::string_view name(path);
  sockaddr_un address{};
  if (name.size() < 2 || name.size() >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return;
  address.sun_family = AF_UNIX;
  std::ranges::copy(name, address.sun_path);
  if (name[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  sendto(socket, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address),
         size);
  close(socket);
}

void service_ready() { notify_manager("READY=1"); }

void hold_reload_signal() {
  const auto signals = only_reload();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void on_reload(std::function<void()> reread) { reread_hook() = std::move(reread); }

bool reload_if_asked() {
  const auto signals = only_reload();
  const timespec at_once{};
  if (sigtimedwait(&signals, nullptr, &at_once) != SIGHUP) return false;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  notify_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000));
  if (reread_hook()) reread_hook()();
  service_ready();
  return true;
}

}  // namespace trainbus
