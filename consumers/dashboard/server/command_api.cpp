#include "command_api.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>
#include <variant>

#include "json_text.hpp"
#include "site.hpp"
#include "trainbus/bus_key.hpp"
#include "trainbus/incarnation.hpp"
#include "trainbus/request_line.hpp"
#include "trainer_json.hpp"

namespace trainbus {
namespace {

using nlohmann::json;
using Reply = std::function<void(Answer)>;

// The command in the body, checked, with an id; or why not.
std::variant<v1::ControlCommand, Answer> read_command(std::string_view body, const std::string& issuer) {
  const json message = json::parse(body, nullptr, false);
  if (!message.is_object()) return refusal(400, "the body must be a JSON object with a type and a value");
  const auto type = message.find("type");
  v1::CommandType parsed = v1::UNKNOWN_COMMAND;
  if (type == message.end() || !type->is_string() || !v1::CommandType_Parse(type->get<std::string>(), &parsed) ||
      parsed == v1::UNKNOWN_COMMAND)
    return refusal(400,
                   "type must be PAUSE_TRAINING, RESUME_TRAINING, STOP_TRAINING, ADJUST_BATCH_SIZE, "
                   "CHANGE_LEARNING_RATE, SET_KNOB, ARCHIVE_HISTORY, RESTORE_HISTORY or DELETE_HISTORY");
  v1::ControlCommand command;
  command.set_type(parsed);
  command.set_command_id(new_command_id());
  command.set_issuer(issuer);
  if (const auto name = message.find("name"); name != message.end() && !name->is_null()) {
    if (!name->is_string()) return refusal(400, "name must be a text");
    (*command.mutable_parameters())["name"] = name->get<std::string>();
  }
  if (const auto value = message.find("value"); value != message.end() && !value->is_null()) {
    if (!value->is_string() && !value->is_number()) return refusal(400, "value must be a text or a number");
    (*command.mutable_parameters())["value"] = value->is_string() ? value->get<std::string>() : value->dump();
  }
  if (const auto meant = message.find("incarnation"); meant != message.end() && !meant->is_null()) {
    const auto number = meant->is_string() ? read_incarnation(meant->get<std::string>()) : std::nullopt;
    if (!number) return refusal(400, "incarnation must be a text with the whole number that /api/trainers gives");
    command.set_expected_incarnation(*number);
  }
  if (const auto problem = command_problem(command); !problem.empty()) return refusal(400, problem);
  return command;
}

// What the record says of who issued it. The broker takes what follows the name of this program's key.
std::string issuer_of(const Person& person) {
  const auto key = process_key();
  const auto program = key ? key->said("name") : std::string{};
  const auto issuer = program.empty() ? "dashboard" : program;
  return person.name.empty() ? issuer : issuer + ':' + person.name;
}

bool is_of_history(v1::CommandType type) {
  return type == v1::ARCHIVE_HISTORY || type == v1::RESTORE_HISTORY || type == v1::DELETE_HISTORY;
}

// Of several: the one that is least far.
v1::CommandState overall_state(const CommandStates& states) {
  const auto least = std::min_element(states.commands.begin(), states.commands.end(), [](const auto& a, const auto& b) {
    return a.command().state() < b.command().state();
  });
  return least == states.commands.end() ? v1::COMMAND_STATE_UNSET : least->command().state();
}

std::string states_json(const std::string& command_id, const CommandStates& states) {
  std::string out;
  {
    JsonObject object(out);
    object.add("command_id", command_id).add("state", command_state_name(overall_state(states)));
    append_json_array(object.key("commands"), states.commands, [&](const v1::AddressedCommand& addressed) {
      out += command_json(addressed.session_id(), addressed.command(), 0);
    });
  }
  return out;
}

// Asks the broker in the desk's thread; the reply comes back to the asio thread.
void ask(Site& site, Reply reply, unsigned refused_status,
         std::function<std::optional<CommandStates>(ControlClient&)> question,
         std::function<Answer(const CommandStates&)> answer) {
  const auto job = [&site, reply, refused_status, question = std::move(question),
                    answer = std::move(answer)](ControlClient& client) {
    const auto states = question(client);
    Answer result = !states                  ? refusal(503, "the broker does not answer")
                    : !states->error.empty() ? refusal(refused_status, states->error)
                                             : answer(*states);
    boost::asio::post(site.server.io, [reply, result = std::move(result)] { reply(result); });
  };
  if (!site.desk.ask(job)) reply(refusal(503, "too many commands wait for the broker"));
}

bool is_command_id(const std::string& id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

void issue_command(Site& site, const ApiRequest& request, Reply reply) {
  if (request.person.role < PageRole::kOperator)
    return reply(refusal(403, request.person.name + " may watch, and not command"));
  if (!is_json_content(request.content_type)) return reply(refusal(415, "commands must be application/json"));
  if (!site.server.command_rate.allow(request.client, RateLimit::Clock::now())) {
    Answer answer = refusal(429, "too many commands");
    answer.retry_after_sec = site.server.command_rate.retry_after_sec();
    return reply(answer);
  }
  auto read = read_command(request.body, issuer_of(request.person));
  if (auto* problem = std::get_if<Answer>(&read)) return reply(*problem);
  const auto& command = std::get<v1::ControlCommand>(read);
  if (is_of_history(command.type()) && request.person.role < PageRole::kAdmin)
    return reply(refusal(403, request.person.name + " may command, and not archive or delete"));
  const SessionName session{request.target.segments[2], request.target.segments[3]};
  const bool known = session.trainer == "*" ? site.model.has_run(session.run) : site.model.find(session) != nullptr;
  if (!known) return reply(refusal(404, "no trainer " + session.id()));
  spdlog::info("{}",
               request_line(command.issuer() + " asks " + v1::CommandType_Name(command.type()) + " of " + session.id(),
                            command.command_id()));
  ask(
      site, std::move(reply), 400,
      [id = session.id(), command](ControlClient& client) { return client.issue(id, command, ControlDesk::kTimeout); },
      [id = command.command_id()](const CommandStates& states) {
        return Answer{.status = 202, .body = states_json(id, states)};
      });
}

void find_command(Site& site, const std::string& command_id, Reply reply) {
  if (!is_command_id(command_id)) return reply(refusal(400, "a command id is 32 hex digits"));
  ask(
      site, std::move(reply), 404,
      [command_id](ControlClient& client) { return client.find(command_id, ControlDesk::kTimeout); },
      [command_id](const CommandStates& states) {
        return states.commands.empty() ? refusal(404, "no command " + command_id)
                                       : Answer{.body = states_json(command_id, states)};
      });
}

}  // namespace trainbus
