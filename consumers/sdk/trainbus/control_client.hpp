#pragma once
// Requests on the control socket: commands, lists, alerts, counters.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trainbus/endpoints.hpp"
#include "trainbus/wire.hpp"

namespace zmq {
class context_t;
}

namespace trainbus {

struct CommandStates {
  std::vector<v1::AddressedCommand> commands;  // one per addressed trainer
  std::string error;                           // one line when refused as a whole (unknown session, bad value)
};

// Why nothing answers at a broker's control port, in one line that names the port: asked now, for a second at most.
std::string control_silence(const std::string& broker);

// Every call waits at most `timeout` and gives an empty optional when no broker answered in time. A question that is
// not answered is sent again every second; that is harmless, because a command is known by its id.
// Single-threaded: every call from one thread at a time. Owns a DEALER socket.
class ControlClient {
 public:
  // Throws std::invalid_argument on a bad address. Connects in the background.
  explicit ControlClient(std::string broker = default_broker(), zmq::context_t* context = nullptr);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  // `session_id`: "run/trainer", or "run/*" for every trainer of a run. A command without an id gets one (it is in
  // the answer); pass one to be able to ask again after a timeout without doing it twice.
  std::optional<CommandStates> issue(const std::string& session_id, v1::ControlCommand command,
                                     std::chrono::milliseconds timeout);
  // The newest state of a command, for each trainer it addresses.
  std::optional<CommandStates> find(const std::string& command_id, std::chrono::milliseconds timeout);
  // All commands of a session ("run/trainer" or "run/*").
  std::optional<CommandStates> commands_of(const std::string& session_id, std::chrono::milliseconds timeout);
  // The last value of everything about each trainer, without what is large (v1::TrainerEntry.class_names_left_out);
  // `run` "": of all runs. The broker answers in pages; this asks for all of them, and gives none when one does not
  // come.
  std::optional<v1::TrainerList> list(const std::string& run, std::chrono::milliseconds timeout);
  // The same of what the request says; its `after` is where to begin.
  std::optional<v1::TrainerList> list(v1::ListRequest request, std::chrono::milliseconds timeout);
  std::optional<v1::BrokerStats> stats(std::chrono::milliseconds timeout);
  // Any other request, and the answer as it came.
  std::optional<v1::MetricsResponse> ask(v1::MetricsRequest question, std::chrono::milliseconds timeout);
  // What the broker refused the last call with, where that call gave nothing: "key 'bob' (trainer) may not watch".
  // Empty: it was not refused.
  const std::string& refusal() const;
  // True when the broker has stored the alert; `session_id` is the trainer it is about.
  bool raise(const std::string& session_id, const v1::Alert& alert, std::chrono::milliseconds timeout);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace trainbus
