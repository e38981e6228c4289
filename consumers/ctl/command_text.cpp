#include "command_text.hpp"

#include "text_forms.hpp"
#include "trainbus/trainer_json.hpp"

namespace trainbus {

std::string command_what(const v1::ControlCommand& command) {
  std::string text(command_verb(command.type()));
  if (command.type() == v1::SET_KNOB) text += ' ' + printable(command_knob(command));
  if (const auto* value = command_value_text(command)) text += ' ' + printable(*value);
  return text;
}

std::string command_how(const v1::ControlCommand& command) {
  std::string text(command_state_name(command.state()));
  const bool of_history = command.type() >= v1::ARCHIVE_HISTORY && command.type() <= v1::DELETE_HISTORY;
  if (of_history) {
    text += ": " + printable(command.new_value()) + ", was " + printable(command.old_value());
  } else if (command.state() == v1::COMMAND_APPLIED) {
    text += " at step " + std::to_string(command.applied_step());
    if (!command.old_value().empty())
      text += " (" + printable(command.old_value()) + " -> " + printable(command.new_value()) + ')';
    else if (!command.new_value().empty())  // what came of an action
      text += ": " + printable(command.new_value());
  }
  if (!command.reason().empty()) text += ": " + printable(command.reason());
  return text;
}

std::string history_text(const CommandHistory::Entry& entry) {
  const auto issued_ms = entry.reached.front().timestamp_ms;
  std::string text = date_text(issued_ms) + "  " + entry.session_id + "  " + command_what(entry.command) + "  by " +
                     printable(entry.command.issuer());
  for (const auto& reached : entry.reached) {
    text += "  ";
    if (&reached != &entry.reached.front())
      text += '+' + duration_text(static_cast<double>(reached.timestamp_ms - issued_ms) / 1000) + ' ';
    text +=
        &reached == &entry.reached.back() ? command_how(entry.command) : std::string(command_state_name(reached.state));
  }
  return text;
}

std::string history_json(const CommandHistory::Entry& entry) {
  auto json = command_json(entry.session_id, entry.command, entry.reached.back().timestamp_ms);
  json.back() = ',';
  json += "\"incarnation\":\"" + std::to_string(entry.incarnation) + "\",\"states\":[";
  for (const auto& reached : entry.reached) {
    if (&reached != &entry.reached.front()) json += ',';
    json += "{\"state\":\"" + std::string(command_state_name(reached.state)) +
            "\",\"timestamp_ms\":" + std::to_string(reached.timestamp_ms) + '}';
  }
  return json += "]}";
}

}  // namespace trainbus
