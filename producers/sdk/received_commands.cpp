#include "received_commands.hpp"

#include <algorithm>
#include <limits>

#include "trainbus/text.hpp"
#include "trainbus/wire.hpp"

namespace trainbus {
namespace {

constexpr std::size_t kMaxRefusedIdBytes = 64;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

std::int64_t add_saturated(std::int64_t at_ms, std::int64_t time_ms) {
  return time_ms > kForever - at_ms ? kForever : at_ms + time_ms;
}

}  // namespace

void ReceivedCommands::receive(const v1::ControlCommand& command, std::int64_t at_ms) {
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
  if (waiting_.size() >= kMaxWaiting) return rejected(command, "too many commands are waiting for a step");
  // A broker that states no time lets it wait.
  const bool stated = command.time_to_live_ms() > 0;
  waiting_.push_back({command, stated ? add_saturated(at_ms, command.time_to_live_ms()) : kForever});
  answer(command, v1::COMMAND_DELIVERED);
}

void ReceivedCommands::expire(std::int64_t at_ms) {
  const auto passed = [at_ms](const Waiting& waiting) { return waiting.until_ms <= at_ms; };
  for (const auto& waiting : waiting_) {
    if (!passed(waiting)) continue;
    v1::ControlCommand command = waiting.command;
    command.set_reason("its time was over before the training reached a step");
    answer(std::move(command), v1::COMMAND_EXPIRED);
  }
  std::erase_if(waiting_, passed);
}

std::optional<v1::ControlCommand> ReceivedCommands::take_next(std::int64_t at_ms) {
  expire(at_ms);
  if (waiting_.empty()) return std::nullopt;
  v1::ControlCommand command = std::move(waiting_.front().command);
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

void ReceivedCommands::answered(v1::ControlCommand command) {
  const v1::CommandState state = command.state();
  answer(std::move(command), state);
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
