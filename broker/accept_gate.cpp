#include "broker/accept_gate.hpp"

#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "broker/listeners.hpp"
#include "trainbus/service_type.hpp"

namespace trainbus {
namespace {

int family_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return address.ss_family;
}

using Filter = std::vector<sock_filter>;

constexpr std::uint32_t kAll = UINT32_MAX;
constexpr std::uint32_t kIpHeader = static_cast<std::uint32_t>(SKF_NET_OFF);

void attach(int fd, Filter filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

// The type of service is the second byte of the header.
Filter tools_of_ipv4() {
  return {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kIpHeader + 1),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kToolServiceType, 0, 1), BPF_STMT(BPF_RET | BPF_K, kAll),
          BPF_STMT(BPF_RET | BPF_K, 0)};
}

// The traffic class is within the first two bytes: 4 bits of version, 8 of class, 4 of the flow label.
Filter tools_of_ipv6() {
  return {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kIpHeader), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff0),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kToolServiceType << 4, 0, 1), BPF_STMT(BPF_RET | BPF_K, kAll),
          BPF_STMT(BPF_RET | BPF_K, 0)};
}

}  // namespace

AcceptGate::AcceptGate(int port) : listeners_(listeners_at(port)) {}

void AcceptGate::set(Gate gate) {
  if (std::exchange(gate_, gate) == gate) return;
  for (const int fd : listeners_) {
    if (gate == Gate::kToolsOnly) {
      const bool v6 = family_of(fd) == AF_INET6;
      attach(fd, v6 ? tools_of_ipv6() : tools_of_ipv4());
    } else if (gate == Gate::kShut) {
      attach(fd, {{BPF_STMT(BPF_RET | BPF_K, 0)}});
    } else {
      forget(fd);
    }
  }
}

void AcceptGate::move_to(std::vector<int> listeners) {
  listeners_ = std::move(listeners);
  set(std::exchange(gate_, Gate::kOpen));
}

void AcceptGate::forget(int connection) {
  const int ignored = 0;
  setsockopt(connection, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored);
}

std::uint64_t AcceptGate::turned_away() const {
  std::uint64_t sum = 0;
  for (const int fd : listeners_) {
    std::uint32_t counts[SK_MEMINFO_VARS] = {};
    socklen_t size = sizeof counts;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, counts, &size) == 0) sum += counts[SK_MEMINFO_DROPS];
  }
  return sum;
}

}  // namespace trainbus
