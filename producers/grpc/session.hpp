#pragma once
// One trainer that speaks gRPC: its Producer, and what is to be said to its client.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "client_commands.hpp"
#include "gateway_options.hpp"
#include "trainbus/producer.hpp"
#include "trainbus/topic.hpp"

namespace trainbus {

// Whoever reads from the client and writes to it. Its functions are called with the session's lock held: they only
// leave what is to be written.
class ClientStream {
 public:
  virtual ~ClientStream() = default;
  virtual void respond(v1::MetricsResponse response) = 0;
  virtual void acknowledge(const std::vector<std::int32_t>& batches) = 0;
  virtual void read_on() = 0;  // the record that was kFull is taken
  // Everything is said: the stream may end; `problem` empty: well.
  virtual void end(const std::string& problem) = 0;
  virtual void replaced() = 0;  // another stream of the session began
};

// A stream takes part from attach() to detach(); after that the session stays for kReconnect, and goes on with the next
// stream: then one start of a trainer is one incarnation, whatever happens to its connection. Records that the broker
// has not stored keep it for as long as that takes.
class Session {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kReconnect{5};
  static constexpr std::chrono::seconds kDrain{10};  // how long a half-closed stream waits for its acknowledgements

  enum class Taken { kYes, kFull, kRefused };

  Session(const SessionName& name, const v1::SessionInfo& info, const GatewayOptions& options);

  // --- gRPC threads
  void attach(ClientStream& stream);
  void detach(ClientStream& stream);
  // kFull: `record` stays the stream's and as it is, until read_on(). kRefused: `why` is to be told to the client.
  Taken take(const v1::MetricsRequest& record, ClientStream& stream, v1::ErrorResponse& why);
  // The client says no more.
  void half_closed(ClientStream& stream);
  // Whether a record of this client belongs to another start of the trainer.
  bool is_of_another_start(const v1::MetricsRequest& record) const;
  // Another start of the trainer began: its stream ends, and it goes as soon as everything is stored.
  void retire();

  // --- the bus thread
  // One turn of the bus, and what came of it to the client. Returns when it wants the next.
  Clock::time_point turn(Clock::time_point now);
  // Nobody comes back, and everything is stored: it can be closed.
  bool over(Clock::time_point now);
  void close(std::chrono::milliseconds deadline) { bus_.close(deadline); }

  const std::string& id() const { return id_; }
  std::string problem() const { return bus_.broker_problem(); }

 private:
  Taken log(const v1::MetricsRequest& record, v1::ErrorResponse& why);
  bool is_repeated(const v1::MetricsRequest& record);
  void answer(std::vector<v1::ControlCommand> answers);
  void pass_commands(std::int64_t now_ms);
  void say_problem();
  bool all_stored();
  v1::MetricsResponse response() const;
  v1::MetricsResponse error(v1::ErrorCode code, const std::string& message) const;

  const std::string id_;

  Producer bus_;
  mutable std::mutex mutex_;  // guards what follows
  ClientStream* stream_ = nullptr;
  const v1::MetricsRequest* held_ = nullptr;                          // the stream's, until there is room
  std::deque<std::int32_t> unacknowledged_;                           // batches that were taken, in order
  std::uint64_t acknowledged_ = 0;                                    // how many
  std::map<v1::MetricsRequest::PayloadCase, std::uint64_t> highest_;  // sequence, of a client that numbers its records
  std::optional<std::uint64_t> client_incarnation_;  // of its first record; 0: the client does not number itself
  ClientCommands commands_;
  bool started_ = false;  // the plan was said
  bool ended_ = false;    // the client said how
  bool half_closed_ = false;
  std::string said_problem_;
  Clock::time_point drain_until_;
  Clock::time_point detached_at_ = Clock::now();
  std::uint64_t steps_ = 0;
};

}  // namespace trainbus
