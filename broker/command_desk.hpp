#pragma once
// Commands on the control port: issued, sent to the one incarnation they are meant for, reported, asked for. Each
// state is a record, and is acted upon once the journal has it. Used by the bus thread only.

#include <cstdint>
#include <functional>
#include <string>

#include "broker/command_registry.hpp"
#include "broker/control_socket.hpp"
#include "broker/record_store.hpp"
#include "broker/roster.hpp"

namespace trainbus {

class CommandDesk {
 public:
  using Peer = ControlSocket::Peer;
  static constexpr std::int64_t kLookEveryMs = 20;

  CommandDesk(ControlSocket& socket, RecordStore& store, Roster& roster, CommandRegistry& registry)
      : socket_(socket), store_(store), roster_(roster), registry_(registry) {}

  void issue(const Peer& peer, const v1::MetricsRequest& request, std::int64_t now_ms);
  void report(const Peer& peer, const v1::MetricsRequest& request, std::int64_t now_ms);
  // With one of a history, if the id is such a command's.
  void find(const Peer& peer, const v1::MetricsRequest& request, const v1::AddressedCommand* of_history);
  // Commands to send again or to expire.
  void tick(std::int64_t now_ms);

  std::uint64_t issued() const { return issued_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t too_many() const { return too_many_; }  // of these, because so many are open

 private:
  void refuse(const Peer& peer, const v1::ControlCommand& command, v1::ErrorCode code, const std::string& why);
  void store_state(const CommandRegistry::Entry& entry, std::function<void()> then);
  void send(const CommandRegistry::Entry& entry, std::int64_t now_ms);

  ControlSocket& socket_;
  RecordStore& store_;
  Roster& roster_;
  CommandRegistry& registry_;
  std::int64_t next_look_ms_ = 0;
  std::uint64_t issued_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t too_many_ = 0;
};

}  // namespace trainbus
