#pragma once
// Commands on their way to a client that has no words for an answer: what it does is the answer.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

// Pure and single-threaded; time is an argument, of a steady clock. A command was handed to the client with sent(). It
// is APPLIED once a record shows its effect (a status PAUSED or RUNNING, a batch of that size, that learning rate, an
// end of the stream after a stop), or as the client itself reports by command_report; EXPIRED when neither came in its
// time.
class ClientCommands {
 public:
  // What the client gets: the words of the design document, where it has some for the command.
  v1::ControlCommand sent(v1::ControlCommand command, std::int64_t now_ms);

  // Each returns the answers that are due now, with their states.
  std::vector<v1::ControlCommand> seen(const v1::MetricsRequest& record, std::uint64_t step);
  std::vector<v1::ControlCommand> stream_ended(std::uint64_t step);
  std::vector<v1::ControlCommand> expired(std::int64_t now_ms);

 private:
  struct Sent {
    v1::ControlCommand command;
    std::int64_t until_ms = 0;
  };
  struct Shown {  // by records, so far
    std::optional<double> learning_rate;
    std::optional<double> batch_size;
  };
  static bool shows(const v1::ControlCommand& command, const v1::MetricsRequest& record);
  void remember(const v1::MetricsRequest& record);
  v1::ControlCommand applied(v1::ControlCommand command, std::uint64_t step) const;

  std::vector<Sent> sent_;  // in the order in which the client got them
  Shown shown_;
};

}  // namespace trainbus
