#include "broker/command_desk.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "trainbus/request_line.hpp"
#include "trainbus/text.hpp"

namespace trainbus {
namespace {

v1::AddressedCommand addressed(const CommandRegistry::Entry& entry) {
  v1::AddressedCommand command;
  command.set_session_id(entry.session_id);
  *command.mutable_command() = entry.command;
  return command;
}

// What others send is in a log as one line, whatever is in it.
std::string plain(const std::string& text) {
  std::string line(clipped(text, 200));
  std::ranges::replace_if(
      line, [](unsigned char each) { return each < ' ' || each == 0x7f; }, '?');
  return line;
}

std::string what(const v1::ControlCommand& command, const std::string& session_id) {
  return v1::CommandType_Name(command.type()) + " of " + plain(session_id);
}

void say_state(const CommandRegistry::Entry& entry) {
  if (!spdlog::should_log(spdlog::level::debug)) return;  // no text for nobody, in a flood of commands
  const auto& command = entry.command;
  const auto why = command.reason().empty() ? "" : ": " + plain(command.reason());
  spdlog::debug(
      "{}", request_line(what(command, entry.session_id) + ' ' + std::string(command_state_name(command.state())) + why,
                         plain(command.command_id())));
}

}  // namespace

void CommandDesk::refuse(const Peer& peer, const v1::ControlCommand& command, v1::ErrorCode code,
                         const std::string& why) {
  ++refused_;
  spdlog::debug("{}", request_line("refused: " + plain(why), plain(command.command_id())));
  socket_.refuse(peer, code, why);
}

void CommandDesk::issue(const Peer& peer, const v1::MetricsRequest& request, std::int64_t now_ms) {
  const auto& command = request.issue_command();
  spdlog::debug("{}", request_line(plain(command.issuer()) + " asks " + what(command, request.session_id()),
                                   plain(command.command_id())));
  if (const std::string problem = command_problem(command); !problem.empty())
    return refuse(peer, command, v1::INVALID_DATA, problem);
  const auto targets =
      request.session_id().empty() ? std::vector<std::string>{} : roster_.matching(request.session_id());
  if (targets.empty())
    return refuse(peer, command, v1::INVALID_SESSION, "no trainer '" + request.session_id() + "' is known");
  if (!registry_.has_room(targets.size())) {
    ++too_many_;
    return refuse(peer, command, v1::BUFFER_FULL, "too many commands are open");
  }
  ++issued_;
  std::vector<CommandRegistry::Entry*> fresh;
  for (const auto& session : targets) {
    bool is_new = false;
    auto facts = roster_.target_facts(session, command.expected_incarnation(), now_ms);
    if (facts.refusal.empty()) facts.refusal = roster_.refusal(session, facts.incarnation, command);
    auto& entry = registry_.issue(session, command, facts, now_ms, unix_ms(), is_new);
    if (is_new) fresh.push_back(&entry);
  }
  const auto answer = [this, peer, id = command.command_id()] {
    v1::MetricsResponse response;
    for (const auto* entry : registry_.find_by_id(id))
      *response.mutable_command_state()->add_commands() = addressed(*entry);
    socket_.send(peer, response);
  };
  if (fresh.empty()) return answer();
  // Records are stored in the order they are written, so the last one's commit says all are.
  for (const auto* entry : fresh)
    store_state(*entry, entry == fresh.back() ? answer : std::function<void()>{});
}

void CommandDesk::report(const Peer& peer, const v1::MetricsRequest& request, std::int64_t now_ms) {
  if (!parse_session_id(request.session_id())) return socket_.refuse(peer, v1::INVALID_SESSION, "no such session");
  const auto* entry = registry_.report(request.session_id(), request.command_report(), now_ms);
  if (entry != nullptr) store_state(*entry, {});
}

void CommandDesk::find(const Peer& peer, const v1::MetricsRequest& request, const v1::AddressedCommand* of_history) {
  const auto& id = request.find_command().command_id();
  const auto found = id.empty() ? registry_.find_by_session(request.session_id()) : registry_.find_by_id(id);
  if (!id.empty() && found.empty() && of_history == nullptr)
    return socket_.refuse(peer, v1::INVALID_DATA, "no command '" + std::string(clipped(id, 64)) + "'");
  v1::MetricsResponse response;
  response.mutable_command_state();
  if (of_history != nullptr) *response.mutable_command_state()->add_commands() = *of_history;
  for (const auto* entry : found)
    *response.mutable_command_state()->add_commands() = addressed(*entry);
  socket_.send(peer, response);
}

void CommandDesk::store_state(const CommandRegistry::Entry& entry, std::function<void()> then) {
  v1::MetricsRequest record;
  record.set_session_id(entry.session_id);
  record.set_timestamp_ms(unix_ms());
  record.set_incarnation(entry.command.expected_incarnation());
  *record.mutable_command() = entry.command;
  say_state(entry);
  if (auto row = roster_.to_store(entry.session_id, record.incarnation())) store_.add(std::move(*row));
  store_.write({v1::KIND_COMMAND, *parse_session_id(entry.session_id)}, record,
               [this, session = entry.session_id, id = entry.command.command_id(), state = entry.command.state(),
                then = std::move(then)] {
                 registry_.stored(session, id, state);
                 next_look_ms_ = 0;
                 if (then) then();
               });
}

void CommandDesk::tick(std::int64_t now_ms) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookEveryMs;
  const auto due = registry_.due(now_ms, [&](const std::string& session, std::uint64_t incarnation) {
    return roster_.target_facts(session, incarnation, now_ms);
  });
  for (const auto* entry : due.moved)
    store_state(*entry, {});
  for (const auto* entry : due.to_send)
    send(*entry, now_ms);
}

// What is left of its time, as a duration; at least 1: 0 would mean that no time is stated.
void CommandDesk::send(const CommandRegistry::Entry& entry, std::int64_t now_ms) {
  const auto incarnation = entry.command.expected_incarnation();
  const auto* trainer = roster_.find(entry.session_id, incarnation);
  if (trainer == nullptr || trainer->routing_id.empty()) return;
  v1::MetricsResponse response;
  response.set_session_id(entry.session_id);
  *response.mutable_command() = entry.command;
  response.mutable_command()->set_time_to_live_ms(std::max<std::int64_t>(1, entry.expires_ms - now_ms));
  if (!socket_.send(trainer->routing_id, response)) roster_.disconnected(entry.session_id, incarnation);
}

}  // namespace trainbus
