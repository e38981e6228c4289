#pragma once
// What a trainer was told to do, and what it answered.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "trainbus.pb.h"

namespace trainbus {

// Pure and single-threaded; time is an argument, of a steady clock: a command says how long it may still wait, and the
// clock of whoever issued it does not matter. A command id is applied at most once:
// the same id again gets the stored answer. Bounds: kMaxWaiting commands wait for a step (more are REJECTED), the
// last kMaxRemembered answers are kept, oldest forgotten first.
class ReceivedCommands {
 public:
  static constexpr std::size_t kMaxWaiting = 64;
  static constexpr std::size_t kMaxRemembered = 1024;
  static constexpr std::ptrdiff_t kMaxRepeated = 32;

  explicit ReceivedCommands(std::uint64_t incarnation) : incarnation_(incarnation) {}

  // A command arrived: answers DELIVERED, or REJECTED / EXPIRED at once.
  void receive(const v1::ControlCommand& command, std::int64_t at_ms);

  // Commands whose deadline has passed while they waited become EXPIRED.
  void expire(std::int64_t at_ms);

  // The next command to apply, in order of arrival; the caller answers it with applied() or rejected().
  std::optional<v1::ControlCommand> take_next(std::int64_t at_ms);
  void applied(v1::ControlCommand command, std::uint64_t step, std::string old_value, std::string new_value);
  void rejected(v1::ControlCommand command, std::string reason);
  // With the state that it has.
  void answered(v1::ControlCommand command);

  bool has_waiting() const { return !waiting_.empty(); }
  bool has_reports() const { return !reports_.empty(); }

  // The answers to send now; each is handed out once.
  std::vector<v1::ControlCommand> take_reports();
  // The connection is a new one: the last kMaxRepeated answers may not have arrived and are due again.
  void report_again();

 private:
  void answer(v1::ControlCommand command, v1::CommandState state);

  std::uint64_t incarnation_;
  struct Waiting {
    v1::ControlCommand command;
    std::int64_t until_ms;
  };
  std::deque<Waiting> waiting_;
  std::unordered_map<std::string, v1::ControlCommand> answers_;  // by command id, the last thing said
  std::deque<std::string> order_;                                // ids of answers_, oldest first
  std::vector<v1::ControlCommand> reports_;
};

}  // namespace trainbus
