#include "received_commands.hpp"

#include <algorithm>

#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxRefusedIdBytes = 64;

}  // namespace

void ReceivedCommands::receive(const v1::ControlCommand& command, std::int64_t now_ms) {
  if (const auto known = answers_.find(command.command_id()); known != answers_.end()) {
    reports_.push_back(known->second);
    return;
  }
  if (const std::string problem = command_problem(command); !problem.empty()) {
    v1::ControlCommand refused;  // not its parameters: they may be of any size, and answers are remembered
    refused.set_type(command.type());
    refused.set_command_id(std::string(clipped(command.command_id(), kMaxRefusedIdBytes)));
    return rejected(std::move(refused), problem);
  }
  if (command.expected_incarnation() != 0 && command.expected_incarnation() != incarnation_)
    return rejected(command, "meant for another incarnation of this trainer");
  if (command.deadline_ms() != 0 && command.deadline_ms() <= now_ms) return answer(command, v1::COMMAND_EXPIRED);
  if (waiting_.size() >= kMaxWaiting) return rejected(command, "too many commands are waiting for a step");
  waiting_.push_back(command);
  answer(command, v1::COMMAND_DELIVERED);
}

void ReceivedCommands::expire(std::int64_t now_ms) {
  const auto passed = [now_ms](const v1::ControlCommand& command) {
    return command.deadline_ms() != 0 && command.deadline_ms() <= now_ms;
  };
  for (const auto& command : waiting_)
    if (passed(command)) answer(command, v1::COMMAND_EXPIRED);
  std::erase_if(waiting_, passed);
}

std::optional<v1::ControlCommand> ReceivedCommands::take_next(std::int64_t now_ms) {
  expire(now_ms);
  if (waiting_.empty()) return std::nullopt;
  v1::ControlCommand command = std::move(waiting_.front());
  waiting_.pop_front();
  return command;
}

void ReceivedCommands::applied(v1::ControlCommand command, std::uint64_t step, std::string old_value,
                               std::string new_value) {
  command.set_applied_step(step);
  command.set_old_value(std::move(old_value));
  command.set_new_value(std::move(new_value));
  answer(std::move(command), v1::COMMAND_APPLIED);
}

void ReceivedCommands::rejected(v1::ControlCommand command, std::string reason) {
  command.set_reason(std::move(reason));
  answer(std::move(command), v1::COMMAND_REJECTED);
}

std::vector<v1::ControlCommand> ReceivedCommands::take_reports() { return std::exchange(reports_, {}); }

void ReceivedCommands::report_again() {
  reports_.clear();
  for (auto id = order_.size() > kMaxRepeated ? order_.end() - kMaxRepeated : order_.begin(); id != order_.end(); ++id)
    reports_.push_back(answers_.at(*id));
}

void ReceivedCommands::answer(v1::ControlCommand command, v1::CommandState state) {
  command.set_state(state);
  const auto [known, is_new] = answers_.insert_or_assign(command.command_id(), command);
  if (is_new) order_.push_back(known->first);
  reports_.push_back(std::move(command));
  while (order_.size() > kMaxRemembered) {
    answers_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace trainbus
