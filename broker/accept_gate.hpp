#pragma once
// Keeps newcomers of a port waiting in their own kernel, where they cost this process no file.
//
// libzmq accepts whatever comes, and spins where there is no file for it. While the gate is shut a filter on the
// listening sockets drops what newcomers send; their kernel tries again after 1, 3, 7 s and so on, and comes through
// once it is open. Who is connected is not concerned. A gate may let tools through (trainbus/service_type.hpp).

#include <cstdint>
#include <vector>

namespace trainbus {

enum class Gate : std::uint8_t { kOpen, kToolsOnly, kShut };

class AcceptGate {
 public:
  // Of the sockets of this process that listen at this port, which must stay open for as long.
  explicit AcceptGate(int port);

  void set(Gate gate);
  // Others listen at the port now; the gate is as it was.
  void move_to(std::vector<int> listeners);
  bool is_open() const { return gate_ == Gate::kOpen; }
  // Of a connection that was accepted: the filter that let it in is no longer asked.
  static void forget(int connection);
  // How often somebody was kept waiting, each try counted.
  std::uint64_t turned_away() const;

 private:
  std::vector<int> listeners_;
  Gate gate_ = Gate::kOpen;
};

}  // namespace trainbus
